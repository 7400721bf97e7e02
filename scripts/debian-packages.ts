import { runCommand } from "./run-command.ts";

/** For one call of apt-get. */
const installLimitMs = 5 * 60_000;

/** Installs packages of Debian's where this may be done. What then is missing is said by the tests that are skipped. */
export async function installDebianPackages(names: readonly string[]): Promise<void> {
  const mayInstall =
    process.platform === "linux" && process.getuid?.() === 0 && Bun.which("apt-get") !== null;
  if (names.length === 0 || !mayInstall) return;
  const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeout: installLimitMs };
  await runCommand(["apt-get", "update", "-qq"], options);
  const install = ["apt-get", "install", "-y", "-qq", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends"];
  await runCommand([...install, ...names], options);
}
