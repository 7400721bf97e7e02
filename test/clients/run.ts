// Builds the executable, then lets the real client programs at it. `--source` leaves the build out.
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");
const [first, ...rest] = process.argv.slice(2);
const isFromSource = first === "--source";
const wanted = isFromSource || first === undefined ? rest : [first, ...rest];

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

const files = [...new Bun.Glob("*.clients.ts").scanSync(import.meta.dir)]
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name)))
  .toSorted()
  .map((file) => `./${join("test/clients", file)}`);

if (files.length === 0) throw new Error(`no tests of ${wanted.join(", ")} in ${import.meta.dir}`);
const buildCode = isFromSource ? 0 : await runBun(["scripts/build-binary.ts"]);
const env: Record<string, string> = isFromSource ? {} : { OLLA_TEST_BINARY: "1" };
process.exitCode = buildCode === 0 ? await runBun(["test", ...files], env) : buildCode;
