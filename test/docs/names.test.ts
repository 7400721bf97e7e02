// What pages name is there: variables, keys, metrics, headers, codes, files. And headers that are there are named.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { otherVariables } from "../../src/config/environment.ts";
import { listKeys, listSections } from "../../src/config/key-list.ts";
import { configSchema } from "../../src/config/schema.ts";
import { errorTable } from "../../src/errors.ts";
import { spanNames } from "../../src/observe/tracing/span-names.ts";
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
const around = (
  await Promise.all(["*.sh", "scripts/**/*", "test/**/*.ts", "bench/**/*.ts"].map(readSources))
).join("\n");

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
  // `${OLLA_…}` in a configuration and `$OLLA_…` in a shell are variables of their user's own.
  const pattern = /(?<!\$\{?|[A-Z_])OLLA_[A-Z_]*[A-Z](?![A-Z_*…])/g;
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

/** Spans of all pages, by what they are taken for. */
function missingSpans(pattern: RegExp, isThere: (name: string) => boolean): string[] {
  return pages.flatMap(({ path, spans }) =>
    [...new Set(spans)]
      .filter((span) => pattern.test(span) && !isThere(span))
      .map((span) => `${path}: ${span}`),
  );
}

test("every key of the configuration that a page names in full exists", () => {
  const sections = listSections(configSchema).map(({ path }) => path);
  const known = new Set([...sections, ...listKeys(configSchema).map(({ path }) => path)].map(plainKey));
  const tops = sections.filter((path) => /^[a-z_]+$/.test(path)).join("|");
  // `server.address` is an attribute of spans, and `config.yaml` a file.
  const others = new Set<string>(Object.values(spanNames));
  const isFile = (span: string) => /\.(yaml|json)$/.test(span);
  const isKey = (span: string) =>
    others.has(span) || isFile(span) || known.has(plainKey(span.replace(/: .*$/, "")));
  const pattern = new RegExp(`^(${tops})\\.(?!ts$)[a-z_.[\\]]+(: .*)?$`);
  expect(missingSpans(pattern, isKey)).toEqual([]);
  expect([isKey("proxy.retry.max_attempts: 3"), isKey("proxy.retry.max_attemts")]).toEqual([true, false]);
});

function plainKey(path: string): string {
  return path.replaceAll("[]", "");
}

test("every code that a page names beside a status is one of Olla's", () => {
  const pattern = /\b[45]\d\d `([a-z]+_[a-z_]+)`/g;
  const named = pages.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map(([, code = ""]) => ({ path, code })),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ code }) => !(code in errorTable))).toEqual([]);
});

test("every file of the repository that a page names exists", () => {
  const pattern = /^(src|test|scripts|docs|profiles|bench|naming)\/[\w./*-]+$/;
  const exists = (span: string) =>
    span.includes("*")
      ? [...new Bun.Glob(span).scanSync({ cwd: root, onlyFiles: false })].length > 0
      : existsSync(join(root, span));
  expect(missingSpans(pattern, exists)).toEqual([]);
  expect(exists("src/no-such-file.ts")).toBe(false);
});
