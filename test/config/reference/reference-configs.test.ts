// Configurations in the shapes that the reference documents: they start, mean here what they mean there, and whatever
// does nothing or something else is named with what to do.
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createApp } from "../../../src/app.ts";
import { type Preparation, prepare } from "../../../src/cli/preparation.ts";
import { otherVariables } from "../../../src/config/environment.ts";
import { listKeys, valueAt } from "../../../src/config/key-list.ts";
import type { ConfigProblem } from "../../../src/config/problem.ts";
import { type Config, configSchema } from "../../../src/config/schema.ts";
import type { Endpoint } from "../../../src/endpoints/endpoint.ts";
import { buildIdentity } from "../../../src/lib/build-identity.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { formatJson } from "../../../src/lib/log-format.ts";
import { createLogger } from "../../../src/lib/log-writer.ts";
import { findDeadPort } from "../../support/dead-port.ts";
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

/** The configuration with its listener on loopback and its endpoints at a port where nobody is. */
function harmless(config: Config, deadPort: number): Config {
  const endpoints = config.discovery.static.endpoints?.map((endpoint) => ({
    ...endpoint,
    url: `http://127.0.0.1:${deadPort}/${endpoint.name}`,
    health_check_url: undefined,
    model_url: undefined,
  }));
  return {
    ...config,
    server: { ...config.server, host: "127.0.0.1" },
    discovery: { ...config.discovery, static: { endpoints: endpoints ?? [] } },
  };
}

interface StatusBody {
  readonly proxy: { readonly engine: string; readonly profile: string; readonly balancer: string };
  readonly endpoints: readonly { readonly name: string; readonly priority: number }[];
}

test.each(cases.map((each) => [nameOf(each), each] as const))("%s starts", async (_, each) => {
  const { loaded, profiles } = await prepareCase(each);
  if (loaded.config === undefined) throw new Error("it does not load");
  const { proxy } = loaded.config;
  const unread = { write: () => undefined, flush: () => Promise.resolve() };
  const app = createApp({
    config: harmless(loaded.config, findDeadPort()),
    isSet: loaded.isSet,
    profiles: profiles.profiles,
    logger: createLogger({ level: "error", format: formatJson, output: unread, clock: systemClock }),
    clock: systemClock,
    build: buildIdentity,
    port: 0,
  });
  const { url } = app.start();
  try {
    expect((await fetch(`${url}/internal/health`)).status).toBe(200);
    const status = (await (await fetch(`${url}/internal/status`)).json()) as StatusBody;
    const balancer = proxy.sticky_sessions.enabled ? `sticky(${proxy.load_balancer})` : proxy.load_balancer;
    expect(status.proxy).toEqual({ engine: proxy.engine, profile: proxy.profile, balancer });
    const names = status.endpoints.map(({ name }) => name).toSorted();
    expect(names).toEqual(Object.keys(each.endpoints ?? {}).toSorted());
  } finally {
    await app.stop();
  }
});

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
      ...otherVariables.map((v) => v.reason),
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
