// Makes packages and looks at them. With OLLA_TEST_PACKAGES=install, as root, what that needs is installed from Debian
// where it is missing, and a package of ours as well: it is run, updated and purged.
import { resolve } from "node:path";

const root = resolve(import.meta.dir, "..");

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

const runBun = (args: readonly string[], env?: Record<string, string>) =>
  run([process.execPath, ...args], env);

async function installTools(): Promise<void> {
  const missing = ["rpm", "lintian"].filter((name) => Bun.which(name === "rpm" ? "rpmbuild" : name) === null);
  if (missing.length === 0 || Bun.which("apt-get") === null || process.getuid?.() !== 0) return;
  const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing];
  if ((await run(install)) === 0) return;
  await run(["apt-get", "update", "-qq"]);
  await run(install);
}

const mode = process.env.OLLA_TEST_PACKAGES ?? "look";
const target = `linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
if (mode === "install") await installTools();
const buildCode = mode === "install" ? await runBun(["scripts/build-binary.ts", "--target", target]) : 0;
process.exitCode =
  buildCode === 0 ? await runBun(["test", "./test/packages/"], { OLLA_TEST_PACKAGES: mode }) : buildCode;
