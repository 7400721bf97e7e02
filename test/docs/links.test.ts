import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { readPage, readPages, root, slugOf } from "./pages.ts";

const pages = await readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));

/** What is wrong with a link, if anything. */
function faultIn(from: string, href: string): string | undefined {
  if (/^[a-z]+:/.test(href)) return faultInAddress(href);
  const [path = "", anchor] = href.split("#");
  const target = path === "" ? from : posix.join(posix.dirname(from), decodeURIComponent(path));
  if (target.startsWith("..")) return "leads out of the repository";
  if (!existsSync(posix.join(root, target))) return "leads to nothing";
  if (anchor === undefined) return undefined;
  const page = byPath.get(target);
  if (page === undefined) return "names a heading of something that is no page";
  return page.anchors.has(anchor) ? undefined : `leads to no heading of ${target}`;
}

/** Addresses outside are not asked: a test that needs the network fails for other people's reasons. */
function faultInAddress(href: string): string | undefined {
  const url = URL.parse(href);
  if (url === null) return "is no address";
  if (!["http:", "https:", "mailto:"].includes(url.protocol)) return `is ${url.protocol}`;
  const isLocal = url.hostname === "localhost";
  return url.protocol === "http:" && !isLocal ? "is not https" : undefined;
}

test("every link leads to a file, and to a heading of it where it names one", () => {
  const faults = pages.flatMap(({ path, links }) =>
    links.flatMap((href) => {
      const fault = faultIn(path, href);
      return fault === undefined ? [] : [`${path}: ${href} ${fault}`];
    }),
  );
  expect(faults).toEqual([]);
  expect(pages.flatMap(({ links }) => links).length).toBeGreaterThan(100);
});

test("the README leads to the index, and the index to every page", () => {
  const linkedFrom = (path: string) =>
    (byPath.get(path)?.links ?? []).map((href) => posix.join(posix.dirname(path), href.split("#")[0] ?? ""));
  expect(linkedFrom("README.md")).toContain("docs/README.md");
  const indexed = new Set(linkedFrom("docs/README.md"));
  const wanted = [...byPath.keys()].filter(
    (path) => /^docs\/[^/]+\.md$/.test(path) && path !== "docs/README.md",
  );
  expect(wanted.length).toBeGreaterThan(20);
  expect(wanted.filter((path) => !indexed.has(path))).toEqual([]);
});

test("headings have the anchors that GitHub gives them", () => {
  expect(slugOf("What is in a `span`, and C++ & more?")).toBe("what-is-in-a-span-and-c--more");
  expect(slugOf("Every key_of `x-y`")).toBe("every-key_of-x-y");
  const page = readPage("a.md", '# Twice\n\n## Twice\n\n<a id="by-hand"></a>\n');
  expect([...page.anchors]).toEqual(["twice", "twice-1", "by-hand"]);
});

test("a broken link is found", () => {
  expect(faultIn("docs/failover.md", "nowhere.md")).toBe("leads to nothing");
  expect(faultIn("docs/failover.md", "headers.md#no-such-heading")).toContain("no heading");
  expect(faultIn("README.md", "../elsewhere.md")).toContain("out of the repository");
  expect(faultIn("README.md", "https://bun .sh")).toBe("is no address");
  expect(faultIn("docs/failover.md", "headers.md#to-the-client")).toBeUndefined();
});
