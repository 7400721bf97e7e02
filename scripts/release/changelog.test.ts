import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { readChangelogEntry, versionPattern } from "./changelog.ts";

const changelog = `# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Added

- Something.

## [0.1.1]

- No date.

## [0.1.0] - 2026-11-28

### Added
`;

describe("an entry of the changelog", () => {
  test("is what stands under its heading, up to the next one", () => {
    expect(readChangelogEntry(changelog, "0.2.0")).toBe("### Added\n\n- Something.");
  });

  test("has to be there, with a date and a list", () => {
    expect(() => readChangelogEntry(changelog, "0.3.0")).toThrow(/no entry for 0.3.0: add "## \[0.3.0\] - /);
    expect(() => readChangelogEntry(changelog, "0.1.1")).toThrow(/"## \[0.1.1\]" where/);
    expect(() => readChangelogEntry(changelog, "0.1.0")).toThrow(/says nothing about 0.1.0/);
    expect(() => readChangelogEntry(changelog, "0.2")).toThrow(/no entry for 0.2/);
  });

  test("is there for the version in package.json", async () => {
    const own = await Bun.file(join(import.meta.dir, "../../CHANGELOG.md")).text();
    expect(readChangelogEntry(own, packageFile.version).length).toBeGreaterThan(0);
  });
});

test("versions have three numbers, and may have a name for what comes before", () => {
  for (const version of ["0.1.0", "12.0.3", "1.0.0-rc.1"]) expect(version).toMatch(versionPattern);
  for (const version of ["1.0", "v1.0.0", "1.0.0-", "1.0.0 ", "latest", ""]) {
    expect(version).not.toMatch(versionPattern);
  }
});
