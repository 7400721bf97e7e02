import { findSignatureFault } from "./code-signature.ts";

/** The program that signs, and its arguments before the file's name. */
export type Signer = readonly string[];

/**
 * Apple's own program on a Mac, else rcodesign from the crate `apple-codesign`.
 * @returns undefined where there is neither
 */
export function findSigner(which: (name: string) => string | null = Bun.which): Signer | undefined {
  const codesign = process.platform === "darwin" ? which("codesign") : null;
  if (codesign !== null) {
    return [codesign, "--force", "--sign", "-", "--identifier", "olla", "--preserve-metadata=entitlements"];
  }
  const rcodesign = which("rcodesign");
  return rcodesign === null ? undefined : [rcodesign, "sign", "--binary-identifier", "olla"];
}

/**
 * Signs an executable for macOS in place, without anybody's certificate (ad hoc), and looks whether the signature
 * holds. The build leaves the signature of Bun's own executable in it, which does not.
 * @throws Error when it does not hold
 */
export async function signDarwin(path: string, signer: Signer): Promise<void> {
  const run = Bun.spawnSync([...signer, path], { stdout: "pipe", stderr: "pipe" });
  if (!run.success) throw new Error(`Could not sign ${path}:\n${run.stdout}${run.stderr}`);
  const fault = findSignatureFault(await Bun.file(path).bytes());
  if (fault !== undefined) throw new Error(`${path} is badly signed: ${fault}`);
}
