import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { renderAdminPage, renderApiDocument } from "../../scripts/generate-openapi.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { listingFormats } from "../../src/models/listings/listing-format.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { ProfileSet } from "../../src/profiles/profile-set.ts";
import { operations } from "../../src/server/api/operations.ts";
import { proxiedPaths } from "../../src/server/api/proxied-paths.ts";
import { feedEvents } from "../../src/server/api/request-answers.ts";
import { createDirectRoutes } from "../../src/server/direct-routes.ts";
import { Scopes } from "../../src/server/scope.ts";
import { ApiCaller, type Call, documentText, expectToFit } from "../support/api-operations.ts";
import { adminKey, BusyFleet, clientKey } from "../support/busy-fleet.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { readSse } from "../support/read-sse.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

const asAdmin = { Authorization: `Bearer ${adminKey}` };
const asClient = { Authorization: `Bearer ${clientKey}` };
const caller = new ApiCaller();

test("docs/openapi.json says what the schemas say (else: bun scripts/generate-openapi.ts)", () => {
  expect(documentText).toBe(renderApiDocument());
});

const adminPage = await Bun.file(new URL("../../docs/admin-api.md", import.meta.url)).text();

test("docs/admin-api.md lists the operations (else: bun scripts/generate-openapi.ts)", () => {
  expect(adminPage).toBe(renderAdminPage(adminPage));
});

test("the document is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(documentText));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

const profiles = new ProfileSet(builtinProfiles());
const scopes = new Scopes(profiles, { hasAnthropic: true, hasBare: true });

/** Every route of the server, switched on as far as it can be. */
function routePatterns(): string[] {
  const settings = { hasBareMetrics: true, hasAnthropicRoutes: true, maxBodyBytes: 0, version: "1" };
  // Only built, never asked: what it would answer with is not needed.
  const parts = ["feedRecords", "dashboard", "live", "history", "maintenance", "readConfig"];
  const deps = {
    settings,
    profiles,
    clock: systemClock,
    ...Object.fromEntries(parts.map((part) => [part, {}])),
  };
  const app = createDirectRoutes(deps as never, scopes, {} as never, "both", {} as never);
  return [...new Set(app.routes.map(({ path }) => path))];
}

test("every route of the server is in the document, and nothing else", () => {
  const documented = [...operations, ...proxiedPaths].map(({ path }) => path);
  const paths = documented.filter((path) => !path.endsWith("{path}"));
  const served = new Set<string>();
  for (const pattern of routePatterns()) {
    // Middleware, and what is answered with 501 as the wildcard paths say.
    if (["/*", "/internal/*"].includes(pattern) || isUnsupported(pattern)) continue;
    const expression = inFirstSpelling(pattern)
      .replace(/:\w+\{\.\+\}/, ".+")
      .replace(/\*$/, ".+");
    const fitting = paths.filter((path) => withProviders(path).some((each) => isLike(expression, each)));
    for (const path of fitting) served.add(path);
    expect([pattern, fitting.length > 0]).toEqual([pattern, true]);
  }
  expect([...served].toSorted()).toEqual(paths.toSorted());
});

/** With or without a slash at its end; the dashboard's own files are one operation. */
function isLike(expression: string, path: string): boolean {
  return new RegExp(`^${expression}/?$`).test(path) || `${expression}` === `${path}.+`;
}

/** A kind may have several prefixes, of which the document has one. */
function inFirstSpelling(pattern: string): string {
  const [, , prefix = "", ...rest] = pattern.split("/");
  const first = profiles.byPrefix(prefix)?.prefixes[0] ?? prefix;
  return pattern.startsWith("/olla/") ? ["", "olla", first, ...rest].join("/") : pattern;
}

function withProviders(path: string): string[] {
  if (!path.includes("{provider}")) return [path];
  return scopes.all().map(({ prefix }) => path.replace("{provider}", prefix));
}

function isUnsupported(pattern: string): boolean {
  return profiles.all.some(({ prefixes, unsupportedPaths }) =>
    prefixes.some((prefix) => unsupportedPaths.some(({ path }) => pattern === `/olla/${prefix}${path}`)),
  );
}

/** What each operation needs to be asked about the busy fleet. */
const callsOfBusyFleet: Readonly<Record<string, Call>> = {
  getModelStatus: { query: "?detailed=true&group=family" },
  getModelStatistics: { query: "?include_endpoints=true&include_summary=true" },
  listRequests: { query: "?limit=100&since=1h" },
  drainEndpoint: { parameters: { name: "drained" } },
  enableEndpoint: { parameters: { name: "open" } },
  probeEndpoint: { parameters: { name: "open" } },
  getModel: { parameters: { id: "quick" } },
  listProviderModels: { parameters: { provider: "proxy" } },
  getProviderModel: { parameters: { provider: "vllm", id: "tiny" } },
  getLmStudioModel: { parameters: { id: "phi-4" } },
  getLmStudioV1Model: { parameters: { id: "phi-4" } },
  getLemonadeModel: { parameters: { id: "lemon-8b" } },
  getDockerModelRunnerModel: { parameters: { id: "ai/smol" } },
  listOllamaModels: { parameters: { provider: "proxy" } },
  listLoadedModels: { parameters: { provider: "local" } },
  getOllamaVersion: { parameters: { provider: "ollama" } },
  getAnthropicModel: { parameters: { id: "tiny" } },
};

describe("an Olla with traffic, failures, keys and a log answers as documented", () => {
  let folder = "";
  let fleet: BusyFleet;
  let olla: RunningOlla;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "olla-document-"));
    fleet = new BusyFleet(join(folder, "requests.db"));
    olla = await startOlla(fleet.settings);
    await fleet.makeTraffic(olla.url);
  }, 30_000);

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    await olla[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const call = (id: string, more: Call = {}) => {
    const isForClients = operations.find((operation) => operation.id === id)?.access === "client";
    const headers = { ...(isForClients ? asClient : asAdmin), ...more.headers };
    return caller.call(olla.url, id, { ...more, headers });
  };

  test.each(operations.map(({ id }) => id).filter((id) => !["getRequest", "cancelRequest"].includes(id)))(
    "%s",
    async (id) => void (await call(id, callsOfBusyFleet[id])),
  );

  test("each format of the list of models", async () => {
    for (const format of listingFormats) await call("listModels", { query: `?format=${format}` });
  });

  test("lists for Anthropic's clients", async () => {
    const headers = { "anthropic-version": "2023-06-01" };
    await call("listProviderModels", { parameters: { provider: "vllm" }, headers });
    await call("getProviderModel", { parameters: { provider: "vllm", id: "tiny" }, headers });
  });

  test("every request on record, and the one under way, which is then cancelled", async () => {
    const { requests } = (await call("listRequests", { query: "?limit=100" })) as {
      requests: { id: string }[];
    };
    for (const { id } of requests) await call("getRequest", { parameters: { id } });
    const live = (await call("listLiveRequests")) as { requests: { id: string; phase: string }[] };
    const [streaming] = live.requests.filter(({ phase }) => phase === "streaming");
    await call("cancelRequest", { parameters: { id: streaming?.id ?? "" } });
  });

  test("a model whose context is only guessed", async () => {
    await call("getModel", { parameters: { id: "mistral-7b-32k" } });
  });

  test("the process, once it has been looked at", async () => {
    await waitUntil(
      async () => "event_loop_delay" in ((await call("getProcess")) as { runtime: object }).runtime,
      {
        what: "the delay of the event loop is measured",
      },
    );
  });

  test("events, to those who may see requests and to others", async () => {
    const answer = await fetch(`${olla.url}/internal/events`, { headers: asAdmin });
    const names = new Set<string>();
    for await (const { event = "", data } of readSse(answer.body)) {
      expectToFit(feedEvents[event as keyof typeof feedEvents], JSON.parse(data), event);
      names.add(event);
      if (names.size === Object.keys(feedEvents).length) break;
    }
  });

  test("errors that the document names, in the words of the path's API", async () => {
    const inVain = (id: string, code: string, more: Call = {}) => caller.callInVain(olla.url, id, code, more);
    for (const { id, access, path } of operations) {
      if (access === "open") continue;
      const parameters = Object.fromEntries(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, "proxy"]),
      );
      await inVain(id, "unauthorized", { parameters });
    }
    const admin = { headers: asAdmin };
    const client = { headers: asClient };
    const unknown = { name: "nowhere", id: "nothing", provider: "vllm" };
    for (const action of ["drain", "enable", "probe"]) {
      await inVain(`${action}Endpoint`, "endpoint_not_found", { ...admin, parameters: unknown });
    }
    await inVain("getRequest", "request_not_found", { ...admin, parameters: unknown });
    await inVain("cancelRequest", "request_not_found", { ...admin, parameters: unknown });
    await inVain("listRequests", "invalid_request", { ...admin, query: "?limit=many" });
    await inVain("getModelStatistics", "invalid_request", { ...admin, query: "?include_summary=perhaps" });
    await inVain("listModels", "invalid_request", { ...client, query: "?format=poem" });
    await inVain("listAnthropicModels", "invalid_request", { ...client, query: "?limit=0" });
    for (const id of ["getModel", "getProviderModel", "getAnthropicModel", "getLemonadeModel"]) {
      await inVain(id, "model_not_found", { ...client, parameters: unknown });
    }
  });
});

describe("an Olla without keys, on which nothing has happened yet, answers as documented", () => {
  let olla: RunningOlla;
  let upstream: FakeUpstream;
  let collector: OtlpReceiver;

  beforeAll(async () => {
    upstream = new FakeUpstream();
    collector = new OtlpReceiver();
    olla = await startOlla({
      endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
      sections: {
        // A folder that cannot be made, because a file is in its place.
        request_log: { enabled: true, path: join(import.meta.path, "requests.db") },
        telemetry: { otlp: { enabled: true, endpoint: collector.url } },
      },
    });
  });

  afterAll(async () => {
    await olla[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  const needNothing = operations.filter(({ path, method }) => method === "get" && !path.includes("{"));
  const notHere = ["getBareMetrics", "isOllamaRunning"];

  test.each(needNothing.map(({ id }) => id).filter((id) => !notHere.includes(id)))("%s", async (id) => {
    await caller.call(olla.url, id);
  });

  test("what is not there is said as documented", async () => {
    await caller.callInVain(olla.url, "isOllamaRunning", "provider_not_configured");
    const behindProxy = { headers: { "X-Forwarded-For": "192.0.2.1" } };
    await caller.callInVain(olla.url, "listLiveRequests", "forbidden", behindProxy);
  });

  test("a request that was traced, and a log that could not be opened", async () => {
    const body = '{"model":"tiny","messages":[]}';
    await fetch(`${olla.url}/olla/openai/v1/chat/completions`, { method: "POST", body }).then((answer) =>
      answer.text(),
    );
    const { requests } = (await caller.call(olla.url, "listRequests")) as {
      requests: { id: string; path: string }[];
    };
    const found = requests.find(({ path }) => path.endsWith("/chat/completions"));
    await caller.call(olla.url, "getRequest", { parameters: { id: found?.id ?? "" } });
  });
});

test("an Olla that was started with a file says which", async () => {
  await using olla = await spawnOlla({ endpoints: [], readiness: "listening" });
  expect(await caller.call(olla.url, "getConfiguration")).toMatchObject({
    file: expect.stringContaining("olla.yaml"),
  });
});

describe("over all of it", () => {
  test("every operation was answered", () => {
    expect([...caller.called].toSorted()).toEqual(operations.map(({ id }) => id).toSorted());
  });

  test("every member of every schema was there once", () => {
    expect(caller.unseenMembers()).toEqual([]);
  });
});
