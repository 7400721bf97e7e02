// Builds the executable for this machine and runs the tests that need it, and what attackers send against it.
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

const buildCode = await runBun(["scripts/build-binary.ts"]);
process.exitCode =
  buildCode === 0
    ? await runBun(["test", "./test/binary/", "./test/hostile/", "./test/cli/systemd-notify.test.ts"], {
        OLLA_TEST_BINARY: "1",
      })
    : buildCode;
