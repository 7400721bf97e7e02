// Variables, metrics and headers that pages name are there, and headers that are there are named.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { otherVariables } from "../../src/config/environment.ts";
import { listKeys } from "../../src/config/key-list.ts";
import { configSchema } from "../../src/config/schema.ts";
import { allFamilies } from "../../src/server/metrics/all-families.ts";
import { readPages, root } from "./pages.ts";

const pages = await readPages();

async function readSources(pattern: string): Promise<string> {
  const paths = [...new Bun.Glob(pattern).scanSync({ cwd: root })].filter(
    (path) => !path.endsWith(".test.ts"),
  );
  return (await Promise.all(paths.map((path) => Bun.file(join(root, path)).text()))).join("\n");
}

const program = await readSources("src/**/*.ts");
const around = (await Promise.all(["scripts/*", "test/**/*.ts", "bench/**/*.ts"].map(readSources))).join(
  "\n",
);

function missing(pattern: RegExp, isThere: (name: string) => boolean): string[] {
  return pages.flatMap(({ path, text }) =>
    [...new Set(text.match(pattern))].filter((name) => !isThere(name)).map((name) => `${path}: ${name}`),
  );
}

test("every OLLA_ variable that a page names is read by something", () => {
  const known = new Set([
    ...listKeys(configSchema).flatMap(({ variables }) => variables),
    ...otherVariables.map(({ name }) => name),
  ]);
  // `${OLLA_…}` in a configuration is a variable of its user's own.
  const pattern = /(?<!\$\{|[A-Z_])OLLA_[A-Z_]*[A-Z](?![A-Z_*…])/g;
  const isRead = (name: string) => known.has(name) || program.includes(name) || around.includes(name);
  expect(missing(pattern, isRead)).toEqual([]);
  expect(isRead("OLLA_NO_SUCH_VARIABLE")).toBe(false);
});

test("every metric that a page names is exported", () => {
  const names = new Set(allFamilies.map(({ name }) => name));
  const isExported = (name: string) => names.has(name) || names.has(name.replace(/_(bucket|sum|count)$/, ""));
  expect(missing(/(?<![\w/{-])olla_[a-z0-9_]+[a-z0-9](?![\w*])/g, isExported)).toEqual([]);
  expect([isExported("olla_requests_total"), isExported("olla_request_total")]).toEqual([true, false]);
});

const headerName = /x-olla-[a-z][a-z-]*[a-z](?![a-z]|-\*)/g;

test("every X-Olla header that a page names is sent or read by the program", () => {
  const used = new Set(program.toLowerCase().match(headerName));
  const named = pages.flatMap(({ path, text }) =>
    [...new Set(text.toLowerCase().match(headerName))].map((name) => ({ path, name })),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ name }) => !used.has(name))).toEqual([]);
});

test("every X-Olla header that the program sends or reads is in docs/headers.md", () => {
  const page = pages.find(({ path }) => path === "docs/headers.md")?.text.toLowerCase() ?? "";
  const used = new Set(program.toLowerCase().match(headerName));
  expect(used.size).toBeGreaterThan(10);
  expect([...used].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("no page holds a path of somebody's machine", () => {
  expect(missing(/(?<![\w.:/-])\/(work|tmp|home|root|Users)\/[\w./-]+/g, () => false)).toEqual([]);
});
