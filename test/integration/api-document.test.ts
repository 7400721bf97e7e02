import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { renderApiDocument } from "../../scripts/generate-openapi.ts";
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
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

const asAdmin = { Authorization: `Bearer ${adminKey}` };
const asClient = { Authorization: `Bearer ${clientKey}` };
const caller = new ApiCaller();

test("docs/openapi.json says what the schemas say (else: bun scripts/generate-openapi.ts)", () => {
  expect(documentText).toBe(renderApiDocument());
});

test("the document is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(documentText));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

/** What each operation needs to be asked about the busy fleet. */
const callsOfBusyFleet: Readonly<Record<string, Call>> = {
  getModelStatus: { query: "?detailed=true&group=family" },
  getModelStatistics: { query: "?include_endpoints=true&include_summary=true" },
  listRequests: { query: "?limit=100&since=1h" },
  drainEndpoint: { parameters: { name: "studio" } },
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

  test("as a whole every member of every schema was there once", () => {
    expect(caller.unseenMembers()).toEqual([]);
  });
});
