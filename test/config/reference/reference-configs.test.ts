// Configurations in the shapes that the reference documents: they start, mean here what they mean there, and whatever
// does nothing or something else is named with what to do.
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Preparation, prepare } from "../../../src/cli/preparation.ts";
import { otherVariables } from "../../../src/config/environment.ts";
import { listKeys, valueAt } from "../../../src/config/key-list.ts";
import type { ConfigProblem } from "../../../src/config/problem.ts";
import { configSchema } from "../../../src/config/schema.ts";
import type { Endpoint } from "../../../src/endpoints/endpoint.ts";
import { waitUntilReady } from "../../support/olla-readiness.ts";
import { AnyFleet, sharedModel, startHere } from "./any-fleet.ts";
import { endpointCases } from "./endpoints.cases.ts";
import type { EndpointMeaning, ReferenceCase } from "./reference-case.ts";
import { routingCases } from "./routing.cases.ts";
import { serverCases } from "./server.cases.ts";
import { variableCases } from "./variables.cases.ts";

const folder = join(import.meta.dir, "../../fixtures/reference-configs");
const cases = [...serverCases, ...routingCases, ...endpointCases, ...variableCases];

function nameOf({ file, about }: ReferenceCase): string {
  return [file && `${file}.yaml`, about].filter(Boolean).join(", ");
}

async function prepareCase({ file, env = {} }: ReferenceCase): Promise<Preparation> {
  if (file === undefined) return prepare({ configPath: undefined, env, cwd: join(folder, "nothing-here") });
  const readFile = async (path: string) =>
    path.endsWith(".yaml") ? await Bun.file(path).text() : `file of ${path}\n`;
  return prepare({ configPath: `${file}.yaml`, env, cwd: folder, readFile });
}

function described({ kind, path, variable }: ConfigProblem): string {
  return `${kind} ${variable ?? path}`;
}

function meaningOf(endpoint: Endpoint, { admits, refuses, ...wanted }: EndpointMeaning) {
  const all: EndpointMeaning = {
    ...endpoint,
    kind: endpoint.profile.name,
    headers: Object.fromEntries(endpoint.requestHeaders.map(([name, value]) => [name, value.reveal()])),
  };
  const asked = Object.keys(wanted) as (keyof typeof wanted)[];
  return {
    ...Object.fromEntries(asked.map((key) => [key, all[key]])),
    ...(admits && { admits: admits.filter(endpoint.admitsModel) }),
    ...(refuses && { refuses: refuses.filter((model) => !endpoint.admitsModel(model)) }),
  };
}

test.each(cases.map((each) => [nameOf(each), each] as const))("%s means the same", async (_, each) => {
  const { loaded, endpoints, problems } = await prepareCase(each);
  expect(problems.map(described).toSorted()).toEqual([...(each.reported ?? [])].toSorted());
  const paths = Object.keys(each.means ?? {});
  const values = paths.map((path) => [path, valueAt(loaded.config, path.split("."))]);
  expect(Object.fromEntries(values)).toEqual(each.means ?? {});
  const wanted = each.endpoints ?? {};
  const built = endpoints?.endpoints ?? [];
  expect(built.map(({ name }) => name)).toEqual(Object.keys(wanted));
  const meanings = built.map((endpoint) => [endpoint.name, meaningOf(endpoint, wanted[endpoint.name] ?? {})]);
  expect(Object.fromEntries(meanings)).toEqual(wanted);
});

test.each(cases.map((each) => [nameOf(each), each] as const))("%s starts and answers", async (_, each) => {
  const { loaded, profiles } = await prepareCase(each);
  if (loaded.config === undefined) throw new Error("it does not load");
  const names = Object.keys(each.endpoints ?? {});
  await using fleet = new AnyFleet();
  await using app = startHere({ ...loaded, config: fleet.standIn(loaded.config) }, profiles.profiles);
  const { url } = app;
  const { proxy, discovery, translators } = loaded.config;
  await waitUntilReady(url, {
    endpoints: names.map((name) => ({ name, url })),
    modelDiscovery: discovery.model_discovery,
  });
  const status = (await (await fetch(`${url}/internal/status`)).json()) as StatusBody;
  const balancer = proxy.sticky_sessions.enabled ? `sticky(${proxy.load_balancer})` : proxy.load_balancer;
  expect(status.proxy).toEqual({ engine: proxy.engine, profile: proxy.profile, balancer });
  expect(status.endpoints.map(({ name }) => name).toSorted()).toEqual(names.toSorted());

  const body = JSON.stringify({
    model: sharedModel,
    max_tokens: 9,
    messages: [{ role: "user", content: "Hello" }],
  });
  const ask = (path: string) => fetch(`${url}${path}`, { method: "POST", body });
  const answer = await ask("/olla/openai/v1/chat/completions");
  expect(answer.status).toBe(names.length === 0 ? 404 : 200);
  if (names.length > 0) {
    const served = answer.headers.get("X-Olla-Endpoint") ?? "";
    expect(names).toContain(served);
    expect(fleet.lastHeaders(served)).toMatchObject(each.endpoints?.[served]?.headers ?? {});
    const messages = await ask("/olla/anthropic/v1/messages");
    expect(messages.status).toBe(translators.anthropic.enabled ? 200 : 404);
  }
});

interface StatusBody {
  readonly proxy: { readonly engine: string; readonly profile: string; readonly balancer: string };
  readonly endpoints: readonly { readonly name: string }[];
}

describe("what does nothing", () => {
  const inertKeys = listKeys(configSchema).filter(({ metadata }) => metadata.status === "inert");
  const reported = cases.flatMap((each) => each.reported ?? []).map((each) => each.replace(/\[\d+\]/, "[]"));

  test("is set by one of these configurations, each key and each variable", () => {
    const variables = otherVariables.filter(({ reason }) => reason !== undefined).map(({ name }) => name);
    const wanted = [...inertKeys.map(({ path }) => path), ...variables].map((name) => `inert ${name}`);
    expect(wanted.filter((each) => !reported.includes(each))).toEqual([]);
  });

  test("says what to set in its place, or that nothing can take it", () => {
    const reasons = [
      ...inertKeys.map(({ metadata }) => metadata.reason),
      ...otherVariables.map(({ reason }) => reason),
    ];
    const given = reasons.filter((reason) => reason !== undefined);
    expect(given.length).toBeGreaterThan(8);
    expect(given.filter((reason) => !/`[^`]+`|^Bun /.test(reason))).toEqual([]);
  });
});

test("every file of the folder is used, and they are many", () => {
  const files = readdirSync(folder).toSorted();
  const used = new Set(cases.flatMap(({ file }) => (file === undefined ? [] : [`${file}.yaml`])));
  expect(files).toEqual([...used].toSorted());
  expect(files.length).toBeGreaterThanOrEqual(35);
});
