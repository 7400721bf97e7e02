import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { findTarget, hostTarget, targets } from "../targets.ts";
import { archiveName, publishedArchives } from "./artifacts.ts";
import { findRunner } from "./smoke-test.ts";

const root = join(import.meta.dir, "../..");
const { homepage, repository } = packageFile;

describe("the project's address", () => {
  test("is one and the same in package.json", () => {
    expect(repository).toBe(`github:${new URL(homepage).pathname.slice(1)}`);
  });

  // People and shells read these, so they cannot ask package.json.
  test.each(["install.sh", "docs/install.md"])("in %s is that of package.json", async (path) => {
    const text = await Bun.file(join(root, path)).text();
    const found = text.match(/https:\/\/github\.com\/[\w.-]+\/olla(?=[/' )])/g) ?? [];
    expect(found.length).toBeGreaterThan(1);
    expect([...new Set(found)]).toEqual([homepage]);
  });
});

test("archives are named by version and target, and those that were not made are not published", () => {
  const windows = findTarget("windows-arm64");
  expect(archiveName("1.2.3", findTarget("linux-x64-musl"))).toBe("olla-1.2.3-linux-x64-musl.tar.gz");
  expect(archiveName("1.2.3", windows)).toBe("olla-1.2.3-windows-arm64.zip");
  expect(publishedArchives("1.2.3", new Map([["olla-1.2.3-windows-arm64.zip", "abc"]]))).toEqual([
    {
      target: windows,
      name: "olla-1.2.3-windows-arm64.zip",
      url: `${homepage}/releases/download/v1.2.3/olla-1.2.3-windows-arm64.zip`,
      sha256: "abc",
    },
  ]);
});

test("an executable runs on the system that it was built for, and elsewhere it is said what is missing", () => {
  expect(findRunner(hostTarget())).toEqual({ prefix: [], env: {} });
  const foreign = targets.find(
    ({ system }) => system === (process.platform === "win32" ? "darwin" : "windows"),
  );
  expect(findRunner(foreign as (typeof targets)[number])).toBe(`this machine is a ${hostTarget().name}`);
});
