import { join } from "node:path";

export const checksumFile = "SHA256SUMS";

/** Reads piece by piece, because executables are large. @returns the SHA-256 in hexadecimal */
export async function hashFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const piece of Bun.file(path).stream()) hasher.update(piece);
  return hasher.digest("hex");
}

/** Writes `SHA256SUMS` into a folder, in the form that `sha256sum -c` reads. @returns checksum by file name */
export async function writeChecksums(
  folder: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const checksums = new Map<string, string>();
  for (const name of names.toSorted()) checksums.set(name, await hashFile(join(folder, name)));
  const lines = [...checksums].map(([name, checksum]) => `${checksum}  ${name}\n`);
  await Bun.write(join(folder, checksumFile), lines.join(""));
  return checksums;
}
