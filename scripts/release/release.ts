// Makes everything that a release consists of, in dist/release and dist/manifests.
//
//   npm run release -- 0.2.0           checks, commits the version, builds, signs, tests, packs, tags
//   npm run release -- --snapshot      the same files of the tree as it is: no changelog, commit or tag needed
//   npm run release -- --snapshot --target linux-x64 --no-packages
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../../package.json" with { type: "json" };
import { completionScripts } from "../../src/cli/completion-scripts.ts";
import { checksumFile, writeChecksums } from "../checksums.ts";
import { root, runBun } from "../run-command.ts";
import { executableName, findTarget, type Target, targets } from "../targets.ts";
import { tarGzip, zip } from "./archive.ts";
import { archiveName, archiveStem, publishedArchives } from "./artifacts.ts";
import { type BunContents, readBunContents } from "./bun-contents.ts";
import { type BundledPackage, findBundledPackages } from "./bundled-packages.ts";
import { readChangelogEntry, versionPattern } from "./changelog.ts";
import { renderManifests } from "./installer-manifests.ts";
import { missingPackagers, packForLinux } from "./linux-packages.ts";
import { renderNotices } from "./notices.ts";
import { renderSbom } from "./sbom.ts";
import { findSigner, signDarwin } from "./sign-darwin.ts";
import { findRunner, smokeTest } from "./smoke-test.ts";
import { commitDate, commitVersion, git, requireCleanTree, requireFreeTag } from "./source-tree.ts";

const dist = join(root, "dist");
const releaseFolder = join(dist, "release");
const manifestFolder = join(dist, "manifests");
const encoder = new TextEncoder();
const notesFile = join(dist, "release-notes.md");

interface Plan {
  readonly version: string;
  readonly targets: readonly Target[];
  readonly isSnapshot: boolean;
  /** Whether there are packages for Linux, each of which takes half a minute. */
  readonly hasPackages: boolean;
}

function readPlan(): Plan {
  const { values, positionals } = parseArgs({
    options: {
      snapshot: { type: "boolean", default: false },
      target: { type: "string", multiple: true, default: [] },
      "no-packages": { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const [version, ...others] = positionals;
  const usage =
    "npm run release -- VERSION, or npm run release -- --snapshot [--target NAME]… [--no-packages]";
  if (values.snapshot) {
    if (version !== undefined) throw new Error(`A snapshot has the version of package.json. Usage: ${usage}`);
    const asked = values.target.map(findTarget);
    return {
      version: packageFile.version,
      targets: asked.length === 0 ? targets : asked,
      isSnapshot: true,
      hasPackages: !values["no-packages"],
    };
  }
  if (version === undefined || others.length > 0) throw new Error(`Which version? Usage: ${usage}`);
  if (!versionPattern.test(version))
    throw new Error(`"${version}" is no version, which are like 1.2.3 or 1.2.3-rc.1`);
  if (values.target.length > 0 || values["no-packages"]) {
    throw new Error("A release has all targets and packages; --target and --no-packages are for --snapshot");
  }
  return { version, targets, isSnapshot: false, hasPackages: true };
}

/** What a release needs that a snapshot can do without, before anything is changed. */
async function prepareRelease(version: string): Promise<void> {
  requireCleanTree();
  requireFreeTag(version);
  const entry = readChangelogEntry(await Bun.file(join(root, "CHANGELOG.md")).text(), version);
  if (findSigner() === undefined) {
    throw new Error("Nothing here signs for macOS: install rcodesign (docs/release.md), or work on a Mac");
  }
  const missing = missingPackagers();
  if (missing.length > 0) {
    throw new Error(`Packages for Linux need ${missing.join(" and ")}, of Debian's packages dpkg and rpm`);
  }
  await commitVersion(version);
  await Bun.write(notesFile, `${entry}\n`);
}

async function build(wanted: readonly Target[], date: Date): Promise<void> {
  const args = wanted.flatMap((target) => ["--target", target.name]);
  const env = { SOURCE_DATE_EPOCH: String(date.getTime() / 1000) };
  const code = await runBun(["scripts/build-binary.ts", ...args], { env });
  if (code !== 0) throw new Error("The build failed");
}

/** @returns the targets that can be packed: without a signer, those for macOS cannot */
async function sign(wanted: readonly Target[]): Promise<readonly Target[]> {
  const signer = findSigner();
  const darwin = wanted.filter(({ system }) => system === "darwin");
  for (const target of darwin) {
    if (signer === undefined) console.log(`left out ${target.name}: nothing here signs for macOS`);
    else {
      await signDarwin(join(dist, executableName(target)), signer);
      console.log(`signed   ${target.name}`);
    }
  }
  // It is about the executables as they were before they were signed.
  if (darwin.length > 0) await rm(join(dist, checksumFile), { force: true });
  return signer === undefined ? wanted.filter((target) => !darwin.includes(target)) : wanted;
}

async function smokeTestAll(wanted: readonly Target[], version: string): Promise<void> {
  for (const target of wanted) {
    const runner = findRunner(target);
    if (typeof runner === "string") {
      console.log(`not run  ${target.name}: ${runner}`);
      continue;
    }
    try {
      await smokeTest(join(dist, executableName(target)), version, runner);
    } catch (cause) {
      throw new Error(`The executable for ${target.name} does not work`, { cause });
    }
    console.log(`works    ${target.name}`);
  }
}

interface Contents {
  readonly packages: readonly BundledPackage[];
  readonly bun: BunContents;
}

interface Edition {
  readonly version: string;
  readonly date: Date;
  readonly hasPackages: boolean;
}

async function pack(wanted: readonly Target[], { packages, bun }: Contents, edition: Edition): Promise<void> {
  const { version, date, hasPackages } = edition;
  const notices = await renderNotices(packages, bun);
  const texts = {
    LICENSE: await Bun.file(join(root, "LICENSE")).bytes(),
    "README.md": await Bun.file(join(root, "README.md")).bytes(),
    "config.example.yaml": await Bun.file(join(root, "docs/config.example.yaml")).bytes(),
    "THIRD-PARTY-NOTICES.txt": encoder.encode(notices),
    "completions/olla.bash": encoder.encode(completionScripts.bash),
    "completions/_olla": encoder.encode(completionScripts.zsh),
    "completions/olla.fish": encoder.encode(completionScripts.fish),
  };
  for (const target of wanted) {
    const stem = archiveStem(version, target);
    const isWindows = target.system === "windows";
    const program = {
      path: `${stem}/${isWindows ? "olla.exe" : "olla"}`,
      bytes: await Bun.file(join(dist, executableName(target))).bytes(),
      isExecutable: true,
    };
    const others = Object.entries(texts).map(([name, bytes]) => ({ path: `${stem}/${name}`, bytes }));
    const archive = (isWindows ? zip : tarGzip)([program, ...others], { date });
    await Bun.write(join(releaseFolder, archiveName(version, target)), archive);
    console.log(`packed   ${archiveName(version, target)}  ${(archive.length / 1e6).toFixed(0)} MB`);
  }
  for (const target of hasPackages ? wanted.filter(({ libc }) => libc === "glibc") : []) {
    const executable = join(dist, executableName(target));
    const request = { version, date, target, executable, outFolder: releaseFolder, notices };
    for (const file of await packForLinux(request)) console.log(`packed   ${basename(file)}`);
  }
  await Bun.write(join(releaseFolder, "THIRD-PARTY-NOTICES.txt"), notices);
  await Bun.write(join(releaseFolder, `olla-${version}.cdx.json`), renderSbom(packages, bun, edition));
  await copyFile(join(root, "install.sh"), join(releaseFolder, "install.sh"));
}

/** Checksums, and the manifests made of them. @returns whether there are manifests, which need every system */
async function writeLists(version: string): Promise<boolean> {
  const checksums = await writeChecksums(releaseFolder, await readdir(releaseFolder));
  const archives = publishedArchives(version, checksums);
  if (archives.length < targets.length) return false;
  for (const [path, text] of renderManifests(version, archives))
    await Bun.write(join(manifestFolder, path), text);
  return true;
}

async function release(): Promise<void> {
  const plan = readPlan();
  const { version } = plan;
  if (!plan.isSnapshot) await prepareRelease(version);
  for (const folder of [releaseFolder, manifestFolder]) await rm(folder, { recursive: true, force: true });
  await mkdir(releaseFolder, { recursive: true });
  const edition = { version, date: commitDate(), hasPackages: plan.hasPackages };
  await build(plan.targets, edition.date);
  const ready = await sign(plan.targets);
  await smokeTestAll(ready, version);
  const [packages, bun] = await Promise.all([findBundledPackages(), readBunContents()]);
  await pack(ready, { packages, bun }, edition);
  const hasManifests = await writeLists(version);
  console.log(
    `\nOlla ${version} is in dist/release${hasManifests ? ", its manifests in dist/manifests" : ""}.`,
  );
  if (plan.isSnapshot) return;
  git("tag", "--annotate", `v${version}`, "--message", `Olla ${version}`);
  console.log(`Tagged v${version}. Look at it, then publish it: docs/release.md says how.`);
}

try {
  await release();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof Error && error.cause !== undefined) console.error(error.cause);
  process.exitCode = 1;
}
