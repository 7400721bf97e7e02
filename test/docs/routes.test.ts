// Every request that a page tells people to send is sent to a running Olla, which has to know the way, and to answer with
// what the page shows. A JSON block right after a shell block is the answer to its last `curl`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { readPages } from "./pages.ts";
import { type CurlRequest, readCommands, readCurl } from "./shell-commands.ts";

interface Asked {
  readonly place: string;
  readonly request: CurlRequest;
  /** What the page says comes back. */
  readonly shown?: unknown;
}

const pages = await readPages();

function requestsIn(text: string): CurlRequest[] {
  return readCommands(text).flatMap(({ name, args }) => {
    const request = name === "curl" ? readCurl(args) : undefined;
    return request === undefined ? [] : [request];
  });
}

const ofBlocks: Asked[] = pages.flatMap(({ blocks }) =>
  blocks.flatMap((block, index) => {
    if (block.language !== "sh" || block.mark?.kind === "not asked") return [];
    const next = blocks[index + 1];
    const shown =
      next?.language === "json" && next.before === block ? { shown: JSON.parse(next.text) as unknown } : {};
    const requests = requestsIn(block.text);
    return requests.map((request, at) => ({
      place: block.place,
      request,
      ...(at === requests.length - 1 && shown),
    }));
  }),
);

const ofSpans: Asked[] = pages.flatMap(({ path, spans }) =>
  spans
    .filter((span) => span.startsWith("curl "))
    .flatMap((span) => requestsIn(span).map((request) => ({ place: path, request }))),
);

const asked = [...ofBlocks, ...ofSpans];

/** Under the names and with the models that pages use. */
const fleet = [
  { name: "desk", kind: "ollama", models: ["llama3.2:latest", "qwen3:8b", "nomic-embed-text"] },
  { name: "gpu-box", kind: "vllm", models: ["qwen3:32b", "ai/smollm2", "Qwen/Qwen3-32B"] },
] as const;

const upstreams: FakeUpstream[] = [];
let olla: RunningOlla;

beforeAll(async () => {
  for (const { kind, models } of fleet) upstreams.push(new FakeUpstream({ kind, models }));
  olla = await startOlla({
    endpoints: fleet.map(({ name, kind }, index) => ({ name, url: upstreams[index]?.url ?? "", type: kind })),
    sections: { telemetry: { metrics: { bare_route: true } } },
  });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  for (const upstream of upstreams) await upstream[Symbol.asyncDispose]();
});

/** Codes of Olla's own that mean that there is no such way. */
const noWay = ["route_not_found", "method_not_allowed", "unknown_provider"];

/** Members that a page shows and the answer has not, as paths. */
function missingMembers(shown: unknown, real: unknown, at = "$"): string[] {
  if (Array.isArray(shown)) {
    if (!Array.isArray(real)) return [at];
    return shown.length === 0 ? [] : missingMembers(shown[0], real[0], `${at}[0]`);
  }
  if (typeof shown !== "object" || shown === null) return typeof real === typeof shown ? [] : [at];
  if (typeof real !== "object" || real === null) return [at];
  const members = new Map(Object.entries(real));
  return Object.entries(shown).flatMap(([name, value]) => {
    const path = `${at}.${name}`;
    return members.has(name) ? missingMembers(value, members.get(name), path) : [path];
  });
}

test("pages show requests", () => {
  expect(asked.length).toBeGreaterThan(10);
});

test.each(asked.map((each, index) => [`${index + 1}, at ${each.place}`, each] as const))(
  "request %s goes somewhere, and comes back as shown",
  async (_, { request: { path, init }, shown }) => {
    const answer = await fetch(`${olla.url}${path}`, init);
    const text = await answer.text();
    expect(noWay, `${init.method} ${path}: ${text}`).not.toContain(answer.headers.get("X-Olla-Error"));
    expect(answer.status, `${init.method} ${path}: ${text}`).not.toBe(405);
    if (shown !== undefined) expect(missingMembers(shown, JSON.parse(text)), text).toEqual([]);
  },
);

/** Olla's own addresses that pages name, without those with a gap to fill. */
const addresses = new Set(
  pages.flatMap(({ spans }) =>
    spans.flatMap((span) => {
      const [, path] = /^(?:(?:GET|POST|DELETE) )?(\/internal\/[\w./?=&-]*[\w/])$/.exec(span) ?? [];
      return path === undefined ? [] : [path];
    }),
  ),
);

test("every address below /internal/ that a page names leads somewhere", async () => {
  expect(addresses.size).toBeGreaterThan(15);
  const lost: string[] = [];
  for (const path of addresses) {
    const leaving = new AbortController();
    const answer = await fetch(`${olla.url}${path}`, { signal: leaving.signal });
    if (answer.headers.get("X-Olla-Error") === "route_not_found") lost.push(path);
    leaving.abort();
  }
  // A page may name what all of them begin with.
  expect(lost.filter((path) => path !== "/internal/")).toEqual([]);
});

test("a way that does not exist would be found", async () => {
  const answer = await fetch(`${olla.url}/internal/endpoints/gpu-box/no-such-thing`, { method: "POST" });
  expect(noWay).toContain(answer.headers.get("X-Olla-Error") ?? "");
  const wrongMethod = await fetch(`${olla.url}/internal/health`, { method: "DELETE" });
  expect(wrongMethod.status).toBe(405);
});

test("a member that an answer has not would be found", () => {
  const real = { models: [{ id: "a", size: 1 }], total: 2 };
  expect(missingMembers({ models: [{ id: "x" }] }, real)).toEqual([]);
  expect(missingMembers({ models: [{ name: "x" }], total: "2", more: [] }, real)).toEqual([
    "$.models[0].name",
    "$.total",
    "$.more",
  ]);
});
