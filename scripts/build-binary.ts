// Compiles Olla into one executable with everything in it.
//
//   npm run build                      dist/olla for this machine
//   npm run build -- --all             dist/olla-<target> for every target
//   npm run build -- --target linux-arm64 --target windows-x64
//   npm run build -- --outfile /tmp/olla
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../package.json" with { type: "json" };
import { headerSizeFlag } from "../src/cli/reexecute.ts";
import { bundlePage } from "../src/dashboard/bundle-page.ts";
import { embeddedFolder } from "../src/dashboard/page-file.ts";
import { writeChecksums } from "./checksums.ts";
import { executableName, findTarget, targets } from "./targets.ts";

const root = resolve(import.meta.dir, "..");
const dist = join(root, "dist");

interface Stamp {
  readonly version: string;
  readonly commit: string;
  readonly date: string;
}

function git(...args: string[]): string | undefined {
  const run = Bun.spawnSync(["git", ...args], { cwd: root, stderr: "ignore" });
  return run.success ? run.stdout.toString().trim() : undefined;
}

function readStamp(): Stamp {
  const commit = git("rev-parse", "--short=12", "HEAD") ?? "unknown";
  const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
  // Set by packagers who want the same bytes from the same source.
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  return {
    version: packageFile.version,
    commit: isChanged && commit !== "unknown" ? `${commit}-modified` : commit,
    date: date.toISOString().replace(/\.\d+Z$/, "Z"),
  };
}

async function compile(outfile: string, stamp: Stamp, target?: string): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  // Bun writes a source map for each piece next to the executable, which holds copies of them.
  const folder = await mkdtemp(join(dirname(outfile), ".build-"));
  const built = join(folder, basename(outfile));
  const assets = join(folder, embeddedFolder);
  for (const { name, bytes } of await bundlePage()) await Bun.write(join(assets, name), bytes);
  const define = (name: string, value: string) => `--define=${name}=${JSON.stringify(value)}`;
  const args = [
    "build",
    "--compile",
    "--minify",
    "--sourcemap",
    "--bytecode",
    "--format=esm",
    // What is imported later (the demo, the query parameters' parser) stays out of memory until then.
    "--splitting",
    // What lies in the folder where someone starts Olla is none of its business.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--compile-exec-argv=${headerSizeFlag}`,
    // Read only when somebody opens the page.
    `--asset=${assets}`,
    define("OLLA_BUILD_VERSION", stamp.version),
    define("OLLA_BUILD_COMMIT", stamp.commit),
    define("OLLA_BUILD_DATE", stamp.date),
    ...(target === undefined ? [] : [`--target=bun-${target}`]),
    `--outfile=${built}`,
    join(root, "src/main.ts"),
  ];
  const startedAt = performance.now();
  const build = Bun.spawn([process.execPath, ...args], { cwd: root, stdout: "pipe", stderr: "pipe" });
  const output = await Promise.all([new Response(build.stdout).text(), new Response(build.stderr).text()]);
  const isBuilt = (await build.exited) === 0;
  if (isBuilt) await rename(built, outfile);
  await rm(folder, { recursive: true, force: true });
  if (!isBuilt) throw new Error(`Could not build ${outfile}:\n${output.join("")}`);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const megabytes = (Bun.file(outfile).size / 1e6).toFixed(0);
  console.log(`${outfile.replace(`${root}/`, "")}  ${megabytes} MB  ${seconds} s`);
}

async function build(): Promise<void> {
  const { values } = parseArgs({
    options: {
      all: { type: "boolean", default: false },
      target: { type: "string", multiple: true, default: [] },
      outfile: { type: "string" },
    },
  });
  const asked = values.target.map(findTarget);
  const stamp = readStamp();
  if (values.outfile !== undefined) {
    await compile(resolve(values.outfile), stamp, values.target[0]);
    return;
  }
  const wanted = values.all ? targets : asked;
  if (wanted.length === 0) {
    await compile(join(dist, process.platform === "win32" ? "olla.exe" : "olla"), stamp);
  }
  for (const target of wanted) {
    const outfile = join(dist, executableName(target));
    await rm(outfile, { force: true });
    await compile(outfile, stamp, target.name);
  }
  await writeChecksums(
    dist,
    (await readdir(dist, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.name.startsWith("olla"))
      .map((entry) => entry.name),
  );
  console.log(`${basename(dist)}/SHA256SUMS  Olla ${stamp.version} ${stamp.commit}`);
}

try {
  await build();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
