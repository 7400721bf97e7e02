import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";

/** Left to right: a file imports its own layer or one to the left of it. */
const layers =
  "lib errors config profiles endpoints models balancer proxy translate observe pipeline dashboard server app cli main".split(
    " ",
  );
const source = join(import.meta.dir, "../src");

/** Where what may be used: a package, or Bun's own API, and the files that know it. */
const reservations: readonly { readonly uses: RegExp; readonly allowed: RegExp }[] = [
  { uses: /from "(hono|zod|@hono\/zod-validator)[/"]/, allowed: /^server\// },
  { uses: /from "yaml"|import\("yaml"\)/, allowed: /^(config|profiles)\// },
  { uses: /from "valibot"/, allowed: /^(config|profiles)\/|^models\/list-parsers\// },
  { uses: /from "commander"/, allowed: /^cli\// },
  // Loaded by the first scrape, so nothing may import what needs it but with `import()`.
  { uses: /from "prom-client"/, allowed: /^server\/metrics\/render-metrics\.ts$/ },
  { uses: /from "[^"]*\/render-metrics\.ts"/, allowed: /^nowhere$/ },
  // Schemas of answers are for tests and for the API document: none is loaded by what serves.
  { uses: /(from|import\() ?"\.[^"]*\/api\//, allowed: /^nowhere$/ },
  { uses: /from "[^"]*\/api-document-text\.ts"/, allowed: /^nowhere$/ },
  {
    uses: /(?<![\w./])Bun\.|from "bun(:\w+)?"/,
    allowed:
      /^(server\/listen|main|lib\/(log-writer|key-digest)|endpoints\/probe|(config|profiles)\/(load|builtin))\.ts$|^(cli|proxy|observe|dashboard)\//,
  },
];

interface SourceFile {
  readonly path: string;
  /** Without comments, which may speak of anything. */
  readonly code: string;
}

async function readSources(): Promise<SourceFile[]> {
  const paths = [...new Bun.Glob("**/*.{ts,tsx}").scanSync(source)].filter(
    (path) => !path.includes(".test."),
  );
  return await Promise.all(
    paths.map(async (path) => {
      const text = await Bun.file(join(source, path)).text();
      return { path, code: text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "") };
    }),
  );
}

function layerOf(path: string): number {
  return layers.indexOf(path.split("/")[0]?.replace(/\.ts$/, "") ?? "");
}

function findWrongImports({ path, code }: SourceFile): string[] {
  const imports = [...code.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return imports
    .map((target) => relative(source, join(source, dirname(path), target)))
    .filter((target) => !target.startsWith("..") && layerOf(target) > layerOf(path))
    .map((target) => `src/${path} imports src/${target}`);
}

test("every file belongs to a layer", async () => {
  const strays = (await readSources()).filter(({ path }) => layerOf(path) < 0);
  expect(strays.map(({ path }) => path)).toEqual([]);
});

test("a file imports only its own layer or one to the left", async () => {
  const sources = await readSources();
  expect(sources.length).toBeGreaterThan(10);
  expect(sources.flatMap(findWrongImports)).toEqual([]);
});

test("an import to the right is noticed, type imports and dynamic ones too", () => {
  const code = `import type { App } from "../app.ts";\nconst late = await import("../cli/run.ts");`;
  expect(findWrongImports({ path: "lib/clock.ts", code })).toHaveLength(2);
  expect(findWrongImports({ path: "cli/serve.ts", code })).toEqual([]);
});

test("each library, and what only Bun has, is known to few files", async () => {
  const found = (await readSources()).flatMap(({ path, code }) =>
    reservations
      .filter(({ uses, allowed }) => uses.test(code) && !allowed.test(path))
      .map(({ uses }) => `src/${path} uses ${uses}`),
  );
  expect(found).toEqual([]);
});
