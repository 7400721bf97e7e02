// Finds the pinned Bun and hands it the arguments: `node scripts/ensure-bun.mjs src/main.ts demo`.
//
// Plain JavaScript, because it has to run before anything else does: on Node (any since 18) and on Bun, which
// stands in for `node` in package scripts where there is no Node.
//
// The `bun` package is a stub until its install script has run, and npm may have been told not to run it. The
// real executable is then still there, in one of the `@oven/bun-*` packages.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const smallestRealBun = 10_000_000;

function isRealBun(file) {
  return existsSync(file) && statSync(file).size > smallestRealBun;
}

function isRunnable(file) {
  return isRealBun(file) && spawnSync(file, ["--version"], { stdio: "ignore" }).status === 0;
}

function findPlatformPackage() {
  const folder = join(root, "node_modules", "@oven");
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder).flatMap((name) =>
    ["bun", "bun.exe"].map((file) => join(folder, name, "bin", file)),
  );
  return files.find(isRunnable);
}

function runInstallScript() {
  const script = join(root, "node_modules", "bun", "install.js");
  if (!existsSync(script)) return;
  spawnSync(process.execPath, [script], { cwd: join(root, "node_modules", "bun"), stdio: "inherit" });
}

function findBun() {
  const installed = join(root, "node_modules", "bun", "bin", "bun.exe");
  if (isRealBun(installed)) return installed;
  const fromPlatformPackage = findPlatformPackage();
  if (fromPlatformPackage !== undefined) return fromPlatformPackage;
  runInstallScript();
  if (isRealBun(installed)) return installed;
  return process.versions.bun === undefined ? undefined : process.execPath;
}

const bun = findBun();
if (bun === undefined) {
  console.error("Bun is not installed yet: run `npm install` (or `bun install`) in this folder first.");
  process.exit(1);
}

const child = spawn(bun, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`Could not start ${bun}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 1));
});
