// Makes packages and looks at them. With OLLA_TEST_PACKAGES=install, as root, one is also installed on this machine, run,
// updated and purged.
import { resolve } from "node:path";

const root = resolve(import.meta.dir, "..");

async function runBun(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return await child.exited;
}

const mode = process.env.OLLA_TEST_PACKAGES ?? "look";
const target = `linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
const buildCode = mode === "install" ? await runBun(["scripts/build-binary.ts", "--target", target]) : 0;
process.exitCode =
  buildCode === 0 ? await runBun(["test", "./test/packages/"], { OLLA_TEST_PACKAGES: mode }) : buildCode;
