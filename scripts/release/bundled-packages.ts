import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pageBuild, pageScript } from "../../src/dashboard/bundle-page.ts";
import { root } from "../run-command.ts";
import { licenseText } from "./license-texts.ts";

/** An npm package of which something is in the executable. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, as its package.json gives it. */
  readonly license: string;
  readonly homepage: string | undefined;
  /** The files that the package brings about its license, or the license's usual text where it brings none. */
  readonly licenseText: string;
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly homepage?: string;
}

/** Builds Olla and its dashboard to see which packages leave code in them. Sorted by name; takes a second. */
export async function findBundledPackages(): Promise<readonly BundledPackage[]> {
  const builds: readonly Bun.BuildConfig[] = [
    {
      entrypoints: [join(root, "src/main.ts")],
      target: "bun",
      minify: true,
      splitting: true,
      throw: true,
    },
    pageBuild(pageScript),
  ];
  const folders = new Set((await Promise.all(builds.map(findPackageFolders))).flat());
  const packages = await Promise.all([...folders].map(readPackage));
  return packages.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function findPackageFolders(build: Bun.BuildConfig): Promise<string[]> {
  const { metafile } = await Bun.build({ ...build, metafile: true });
  if (metafile === undefined) throw new Error(`Bun told nothing of what is in ${build.entrypoints.join()}`);
  return Object.values(metafile.outputs)
    .flatMap((output) => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0])
    .filter((folder) => folder !== undefined);
}

async function readPackage(path: string): Promise<BundledPackage> {
  const folder = resolve(root, path);
  const file: PackageFile = await Bun.file(join(folder, "package.json")).json();
  if (file.license === undefined) throw new Error(`${path}/package.json names no license`);
  return {
    name: file.name,
    version: file.version,
    license: file.license,
    homepage: file.homepage,
    licenseText: (await readLicenseFiles(folder)) ?? (await licenseText(file.license)),
  };
}

async function readLicenseFiles(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)\b/i.test(name));
  const texts = await Promise.all(names.toSorted().map((name) => Bun.file(join(folder, name)).text()));
  return texts.length === 0 ? undefined : texts.map((text) => text.trim()).join("\n\n");
}
