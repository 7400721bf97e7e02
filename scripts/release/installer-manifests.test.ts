import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import packageFile from "../../package.json" with { type: "json" };
import { targets } from "../targets.ts";
import { archiveName, publishedArchives } from "./artifacts.ts";
import { renderManifests } from "./installer-manifests.ts";

const version = "1.2.3";
const hashOf = (name: string) => new Bun.CryptoHasher("sha256").update(name).digest("hex");
const names = targets.map((target) => archiveName(version, target));
const archives = publishedArchives(version, new Map(names.map((name) => [name, hashOf(name)])));
const manifests = renderManifests(version, archives);

function manifest(path: string): string {
  const text = manifests.get(path);
  if (text === undefined) throw new Error(`no ${path} among ${[...manifests.keys()].join(", ")}`);
  return text;
}

function urlOf(name: string): string {
  return `${packageFile.homepage}/releases/download/v${version}/${name}`;
}

describe("the formula for Homebrew", () => {
  const formula = manifest("homebrew/olla.rb");

  test("has address and checksum of each system's archive, one after the other", () => {
    const pairs = [...formula.matchAll(/url "(.+)"\s+sha256 "(.+)"/g)].map(([, url, sha256]) => [
      url,
      sha256,
    ]);
    const expected = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"].map((target) => {
      const name = `olla-${version}-${target}.tar.gz`;
      return [urlOf(name), hashOf(name)];
    });
    expect(pairs).toEqual(expected);
  });

  const ruby = Bun.which("ruby");
  test.skipIf(ruby === null)(`is Ruby${ruby === null ? " (skipped: no ruby here)" : ""}`, () => {
    const { stdout, stderr } = Bun.spawnSync(["ruby", "-c"], { stdin: new TextEncoder().encode(formula) });
    expect([stdout.toString(), stderr.toString()]).toEqual(["Syntax OK\n", ""]);
  });
});

test("the manifest for Scoop has both processors, and finds the next version by itself", () => {
  const scoop = JSON.parse(manifest("scoop/olla.json"));
  const name = `olla-${version}-windows-arm64.zip`;
  expect(scoop.architecture.arm64).toEqual({
    url: urlOf(name),
    hash: hashOf(name),
    extract_dir: `olla-${version}-windows-arm64`,
  });
  expect(scoop.architecture["64bit"].url).toBe(urlOf(`olla-${version}-windows-x64.zip`));
  expect(scoop.autoupdate.architecture["64bit"].url).toEndWith("/v$version/olla-$version-windows-x64.zip");
});

test("the manifests for winget belong together and name the program in the archive", () => {
  const files = [...manifests.keys()]
    .filter((path) => path.startsWith("winget/"))
    .map((path) => parse(manifest(path)));
  expect(files.map(({ ManifestType }) => ManifestType)).toEqual(["version", "defaultLocale", "installer"]);
  for (const { PackageIdentifier, PackageVersion } of files) {
    expect([PackageIdentifier, PackageVersion]).toEqual(["olla-proxy.olla", version]);
  }
  const name = `olla-${version}-windows-x64.zip`;
  expect(files[2].Installers[0]).toEqual({
    Architecture: "x64",
    InstallerUrl: urlOf(name),
    InstallerSha256: hashOf(name).toUpperCase(),
    NestedInstallerFiles: [
      { RelativeFilePath: `olla-${version}-windows-x64\\olla.exe`, PortableCommandAlias: "olla" },
    ],
  });
});

test("a release without an archive that they need is refused", () => {
  const others = archives.filter(({ target }) => target.name !== "darwin-x64");
  expect(() => renderManifests(version, others)).toThrow("There is no archive for darwin-x64");
});
