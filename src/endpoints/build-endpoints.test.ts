import { describe, expect, test } from "bun:test";
import type { EndpointConfig } from "../config/endpoint-config.ts";
import { fnv1a32 } from "../lib/fnv.ts";
import { Secret } from "../lib/secret.ts";
import { builtinProfiles } from "../profiles/builtin.ts";
import { ProfileSet } from "../profiles/profile-set.ts";
import { type BuildEndpointsSettings, buildEndpoints } from "./build-endpoints.ts";
import type { Endpoint } from "./endpoint.ts";

const profiles = new ProfileSet(builtinProfiles());
const defaults = { connectMs: 10_000, responseHeaderMs: 1_800_000, readMs: 600_000 };
const settings: BuildEndpointsSettings = { profiles, defaults, isGlobalTimeoutSet: () => false };

function config(overrides: Partial<EndpointConfig> = {}): EndpointConfig {
  return {
    url: "http://localhost:11434",
    name: "box",
    type: "ollama",
    priority: 100,
    weight: 1,
    health_check_url: undefined,
    model_url: undefined,
    check_interval: 5_000,
    check_timeout: 2_000,
    preserve_path: false,
    model_filter: { include: [], exclude: [] },
    headers: {},
    auth: undefined,
    connection_timeout: undefined,
    response_header_timeout: undefined,
    read_timeout: undefined,
    max_concurrent: 0,
    tier: "local",
    daily_tokens: 0,
    tls: { ca: "", server_name: "", insecure_skip_verify: false },
    ...overrides,
  };
}

function build(overrides: Partial<EndpointConfig> = {}, other: Partial<BuildEndpointsSettings> = {}) {
  const built = buildEndpoints([config(overrides)], { ...settings, ...other });
  const endpoint = built.endpoints[0];
  if (endpoint === undefined) throw new Error("no endpoint was built");
  return { ...built, endpoint };
}

describe("kind", () => {
  test.each([
    ["lmstudio", "lm-studio"],
    ["LM_Studio", "lm-studio"],
    ["openai", "openai-compatible"],
    ["VLLM", "vllm"],
  ])("type %s becomes %s", (type, name) => {
    const { endpoint } = build({ type });
    expect(endpoint.profile.name).toBe(name);
    expect(endpoint.isAutoDetected).toBe(false);
  });

  test.each(["auto", "", "AUTO"])("type %p is to be found out and asked at its front page", (type) => {
    const { endpoint, problems } = build({ type });
    expect(problems).toEqual([]);
    expect(endpoint).toMatchObject({
      isAutoDetected: true,
      healthUrl: "http://localhost:11434/",
      modelsUrl: "http://localhost:11434/v1/models",
      profile: { name: "openai-compatible" },
    });
  });

  test("an unknown type is a problem that lists the supported ones and the nearest", () => {
    const { endpoints, problems } = buildEndpoints(
      [config(), config({ name: "typo", type: "olama" })],
      settings,
    );
    expect(endpoints.map((endpoint) => endpoint.name)).toEqual(["box"]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      severity: "error",
      path: "discovery.static.endpoints[1].type",
      message:
        'endpoint "typo": unsupported endpoint type "olama", supported types: docker-model-runner, lemonade, litellm, llamacpp, lm-studio, lmdeploy, ollama, omlx, openai-compatible, sglang, vllm, vllm-mlx, auto; did you mean "ollama"?',
    });
  });

  test("a type that exists but is filtered out says by what", () => {
    const { ollama: kept = [], others = [] } = Object.groupBy(builtinProfiles(), ({ name }) =>
      name === "ollama" ? "ollama" : "others",
    );
    const { problems } = buildEndpoints([config({ type: "LM_Studio" })], {
      ...settings,
      profiles: new ProfileSet(kept, others),
    });
    expect(problems.map(({ message }) => message)).toEqual([
      'endpoint "box": proxy.profile_filter leaves out the type "LM_Studio"',
    ]);
  });

  test("auto without the profile it stands on is a problem", () => {
    const few = new ProfileSet(builtinProfiles().filter((profile) => profile.name === "ollama"));
    const { problems } = buildEndpoints([config({ type: "auto" })], { ...settings, profiles: few });
    expect(problems[0]?.message).toContain("profile_filter");
  });
});

describe("a kind that was found out", () => {
  const ollama = profiles.byName("ollama");

  test("brings its URLs and timeouts, and can be taken back", () => {
    const { endpoint, withProfile } = build({ type: "auto" });
    const found = withProfile(endpoint, ollama);
    expect(found).toMatchObject({
      id: endpoint.id,
      isAutoDetected: false,
      healthUrl: "http://localhost:11434/",
      modelsUrl: "http://localhost:11434/api/tags",
      timeouts: { responseHeaderMs: 3_600_000 },
      profile: { name: "ollama" },
    });
    const unknown = withProfile(found, undefined);
    expect({ ...unknown, admitsModel: null }).toEqual({ ...endpoint, admitsModel: null } as never);
  });

  test("leaves what the user set himself", () => {
    const { endpoint, withProfile } = build({
      type: "auto",
      health_check_url: "/up",
      model_url: "/list",
      response_header_timeout: 7,
    });
    expect(withProfile(endpoint, ollama)).toMatchObject({
      healthUrl: "http://localhost:11434/up",
      modelsUrl: "http://localhost:11434/list",
      hasOwnModelsUrl: true,
      timeouts: { responseHeaderMs: 7 },
    });
  });

  test("does not replace a kind that the user named", () => {
    const { endpoint, withProfile } = build({ type: "vllm" });
    expect(withProfile(endpoint, ollama)).toBe(endpoint);
  });
});

describe("addresses", () => {
  test("come from the profile, below the endpoint's own path", () => {
    const { endpoint } = build({ url: "http://h:1/base/", type: "lm-studio" });
    expect(endpoint).toMatchObject({
      url: "http://h:1/base/",
      origin: "http://h:1",
      basePath: "/base",
      healthUrl: "http://h:1/base/v1/models",
      modelsUrl: "http://h:1/base/api/v0/models",
      hasOwnModelsUrl: false,
    });
  });

  test("may be the user's own, relative or absolute", () => {
    const { endpoint } = build({ health_check_url: "http://other:9/up", model_url: "v2/models" });
    expect(endpoint).toMatchObject({
      healthUrl: "http://other:9/up",
      modelsUrl: "http://localhost:11434/v2/models",
      hasOwnModelsUrl: true,
    });
  });
});

describe("ids", () => {
  const idsOf = (endpoints: readonly Endpoint[]) =>
    Object.fromEntries(endpoints.map((endpoint) => [endpoint.name, endpoint.id]));

  test("are the hash of the shown URL in base 36", () => {
    const { endpoint } = build({ url: "http://localhost:11434?secret=1" });
    expect(endpoint.id).toBe(fnv1a32("http://localhost:11434").toString(36));
  });

  test("of one shown URL are numbered by name, whatever the order", () => {
    const b = config({ name: "b", url: "http://h:1?x=1" });
    const a = config({ name: "a", url: "http://h:1?x=2" });
    const base = fnv1a32("http://h:1").toString(36);
    const expected = { a: `${base}-0`, b: `${base}-1` };
    expect(idsOf(buildEndpoints([b, a], settings).endpoints)).toEqual(expected);
    expect(idsOf(buildEndpoints([a, b], settings).endpoints)).toEqual(expected);
  });
});

describe("timeouts", () => {
  const global = { isGlobalTimeoutSet: (key: string) => key === "response_header_timeout" };

  test("are the profile's where it has some, else the global defaults", () => {
    expect(build().endpoint.timeouts).toEqual({ ...defaults, responseHeaderMs: 3_600_000 });
    expect(build({ type: "vllm" }).endpoint.timeouts).toEqual(defaults);
  });

  test("that the user set globally beat the profile's", () => {
    expect(build({}, global).endpoint.timeouts).toEqual(defaults);
  });

  test("of the endpoint itself beat everything, 0 included", () => {
    const own = { connection_timeout: 1, response_header_timeout: 0, read_timeout: 3 };
    expect(build(own, global).endpoint.timeouts).toEqual({ connectMs: 1, responseHeaderMs: 0, readMs: 3 });
  });

  test("of an unknown kind are the global defaults", () => {
    expect(build({ type: "auto" }).endpoint.timeouts).toEqual(defaults);
  });
});

describe("headers", () => {
  test("come in the order written, auth last and stronger, names unique ignoring case", () => {
    const { endpoint } = build({
      headers: {
        authorization: new Secret("weak"),
        "X-Team": new Secret("one"),
        "x-team": new Secret("two"),
      },
      auth: { header: "Authorization", value: new Secret("Bearer canary") },
    });
    expect(endpoint.requestHeaders.map(([name, value]) => [name, value.reveal()])).toEqual([
      ["x-team", "two"],
      ["Authorization", "Bearer canary"],
    ]);
    expect([...endpoint.secretHeaderNames].sort()).toEqual(["authorization", "x-team"]);
    expect(JSON.stringify(endpoint)).not.toContain("canary");
  });

  test("that have no effect are left out, with a warning", () => {
    const { endpoint, problems } = build({ headers: { Host: new Secret("x"), "X-A": new Secret("y") } });
    expect(endpoint.requestHeaders.map(([name]) => name)).toEqual(["X-A"]);
    expect(problems).toMatchObject([
      { severity: "warning", path: "discovery.static.endpoints[0].headers.Host" },
    ]);
  });
});

test("the model filter decides which models are used", () => {
  const { endpoint } = build({ model_filter: { include: ["qwen*"], exclude: ["*embed*"] } });
  expect(["qwen3:8b", "QWEN-embed", "llama3"].map(endpoint.admitsModel)).toEqual([true, false, false]);
});
