// Packs Olla for this machine as a release does, and installs it the ways that a newcomer would.
import { join, resolve } from "node:path";
import { hostTarget } from "./targets.ts";

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

const release = join(root, "scripts/release/release.ts");
const packCode = await runBun([release, "--snapshot", "--target", hostTarget().name]);
process.exitCode =
  packCode === 0 ? await runBun(["test", "./test/install/"], { OLLA_TEST_INSTALL: "1" }) : packCode;
