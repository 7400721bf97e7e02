import { beforeAll, describe, expect, test } from "bun:test";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import packageFile from "../../package.json" with { type: "json" };
import { type BunContents, parseBunParts, readBunContents } from "./bun-contents.ts";
import { bunCopyrights } from "./bun-copyrights.ts";
import { type BundledPackage, findBundledPackages } from "./bundled-packages.ts";
import { renderNotices } from "./notices.ts";
import { renderSbom } from "./sbom.ts";

/** In the executable by way of the dashboard's page, though only needed to build it. */
const dashboardPackages = ["preact", "uplot"];
const settings = { version: "1.2.3", date: new Date("2026-11-28T12:00:00Z") };

describe("what an Olla contains", () => {
  let packages: readonly BundledPackage[];
  let bun: BunContents;

  beforeAll(async () => {
    [packages, bun] = await Promise.all([findBundledPackages(), readBunContents()]);
  });

  test("is every runtime dependency, what they need in turn, and what is in the page", () => {
    const names = packages.map(({ name }) => name);
    for (const name of [...Object.keys(packageFile.dependencies), ...dashboardPackages, "tdigest"]) {
      expect(names).toContain(name);
    }
    for (const name of ["typescript", "openai", "fflate"]) expect(names).not.toContain(name);
  });

  test("is told in the notices, with every license's text", async () => {
    const notices = await renderNotices(packages, bun);
    for (const { name, version, licenseText } of packages) {
      expect(notices).toContain(`- ${name} ${version} (`);
      expect(licenseText.length).toBeGreaterThan(500);
      expect(notices).toContain(licenseText);
    }
    for (const { name, license, copyright } of bun.parts) {
      expect(notices).toContain(`  - ${name} (${license})\n    Copyright ${copyright}\n`);
    }
    for (const words of ["GNU LIBRARY GENERAL PUBLIC LICENSE", "relink Bun", "MIT License"]) {
      expect(notices).toContain(words);
    }
  });

  test("of Bun's parts, nobody is named who is in it no more", () => {
    const names = bun.parts.map(({ name }) => name);
    expect(Object.keys(bunCopyrights).filter((name) => !names.includes(name))).toEqual([]);
  });

  test("is a list that CycloneDX's schema allows, and the same each time", async () => {
    const sbom = renderSbom(packages, bun, settings);
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(sbom)).toBeNull();
    expect(await validator.validate(sbom.replace('"library"', '"book"'))).not.toBeNull();
    expect(renderSbom(await findBundledPackages(), await readBunContents(), settings)).toBe(sbom);
    for (const name of ["hono", "uplot", "JavaScriptCore", "sqlite"])
      expect(sbom).toContain(`"name": "${name}"`);
  });
});

test("a license or a library of Bun's that is new to us stops the release", () => {
  const row = (name: string, license: string) =>
    parseBunParts(`| [\`${name}\`](https://a.example) | ${license} |`);
  expect(row("brotli", "MIT").at(-1)).toMatchObject({ name: "brotli", licenseIds: ["MIT"] });
  expect(() => row("brotli", "WTFPL")).toThrow(/Bun contains brotli under "WTFPL"/);
  expect(() => row("brotlo", "MIT")).toThrow("Bun contains brotlo: say whose it is");
  expect(() => parseBunParts("no table")).toThrow("no table of libraries");
});
