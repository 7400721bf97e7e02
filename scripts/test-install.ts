// Packs Olla for this machine as a release does, and installs it the ways that a newcomer would.
import { join, resolve } from "node:path";
import { hostTarget } from "./targets.ts";

const root = resolve(import.meta.dir, "..");
/** What some of the tests need, named alike by Debian. */
const tools = ["busybox", "curl", "mksh", "shellcheck", "wget", "zsh"];

async function run(command: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return await child.exited;
}

/** From Debian's packages, where this may be done. What then is missing is said by the tests that are skipped. */
async function installTools(): Promise<void> {
  const missing = tools.filter((tool) => Bun.which(tool) === null);
  const mayInstall =
    process.platform === "linux" && process.getuid?.() === 0 && Bun.which("apt-get") !== null;
  if (missing.length === 0 || !mayInstall) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], env);
  await run(
    ["apt-get", "install", "-y", "-qq", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends", ...missing],
    env,
  );
}

await installTools();
const release = join(root, "scripts/release/release.ts");
const packCode = await run([
  process.execPath,
  release,
  "--snapshot",
  "--target",
  hostTarget().name,
  "--no-packages",
]);
process.exitCode =
  packCode === 0
    ? await run([process.execPath, "test", "./test/install/"], { OLLA_TEST_INSTALL: "1" })
    : packCode;
