// Lets a real browser at the dashboard, from source or, with `--binary`, out of the executable.
import { resolve } from "node:path";
import { findChromium } from "./browser/chromium.ts";

const root = resolve(import.meta.dir, "../..");
const isBinary = process.argv.includes("--binary");
const installLimitMs = 5 * 60_000;

async function run(command: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    timeout: installLimitMs,
  });
  return await child.exited;
}

/** Debian's package, where this may be done. What then is missing is said by the test that is skipped. */
async function installChromium(): Promise<void> {
  const mayInstall =
    process.platform === "linux" && process.getuid?.() === 0 && Bun.which("apt-get") !== null;
  if (findChromium() !== undefined || !mayInstall) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], env);
  await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], env);
}

await installChromium();
const buildCode = isBinary ? await run([process.execPath, "scripts/build-binary.ts"]) : 0;
process.exitCode =
  buildCode === 0
    ? await run(
        [
          process.execPath,
          "test",
          "./test/dashboard/browser/page.browser.ts",
          "./test/dashboard/serving.test.ts",
        ],
        isBinary ? { OLLA_TEST_BINARY: "1" } : {},
      )
    : buildCode;
