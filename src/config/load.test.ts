import { describe, expect, test } from "bun:test";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

function load(text: string, env: Record<string, string> = {}): Promise<LoadedConfig> {
  return loadConfig({ path: "olla.yaml", env, cwd: "/", readFile: async () => text });
}

async function problemsOf(text: string, env: Record<string, string> = {}): Promise<string[]> {
  return (await load(text, env)).problems.map(formatProblem);
}

async function missingFile(): Promise<string> {
  throw Object.assign(new Error("no such file"), { code: "ENOENT" });
}

describe("without a file", () => {
  test("defaults hold and there is nothing to report", async () => {
    const loaded = await loadConfig({ env: {}, cwd: "/", readFile: missingFile });
    expect(loaded.file).toBeUndefined();
    expect(loaded.problems).toEqual([]);
    expect(loaded.config?.server.port).toBe(40114);
    expect(loaded.config?.server.host).toBe("localhost");
    expect(loaded.config?.server.request_limits).toEqual({
      max_body_size: 50 * 1024 ** 2,
      max_header_size: 1024 ** 2,
    });
    expect(loaded.config?.proxy.engine).toBe("sherpa");
    expect(loaded.config?.proxy.load_balancer).toBe("priority");
    expect(loaded.config?.proxy.connection_timeout).toBe(10_000);
    expect(loaded.config?.proxy.response_header_timeout).toBe(1_800_000);
    expect(loaded.config?.proxy.read_timeout).toBe(600_000);
    expect(loaded.config?.proxy.response_timeout).toBe(0);
    expect(loaded.config?.server.rate_limits.global_requests_per_minute).toBe(0);
    expect(loaded.config?.dashboard.access_policy.allowed_cidrs).toEqual(["127.0.0.0/8", "::1/128"]);
    expect(loaded.config?.discovery.static.endpoints).toBeUndefined();
    expect(loaded.isSet("server.port")).toBe(false);
  });

  test("the configuration cannot be changed, however deep", async () => {
    const { config } = await loadConfig({ env: {}, cwd: "/", readFile: missingFile });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config?.server.cors.allowed_origins)).toBe(true);
    expect(Object.isFrozen(config?.model_registry.routing_strategy.options)).toBe(true);
  });
});

describe("how file and defaults are put together", () => {
  test("mappings are completed, scalars and lists replaced, null keeps the default", async () => {
    const { config, problems } = await load(`
server:
  port: 8080
  host:
  rate_limits:
proxy:
  profile_filter:
    include: [ollama]
logging:
`);
    expect(problems).toEqual([]);
    expect(config?.server.port).toBe(8080);
    expect(config?.server.host).toBe("localhost");
    expect(config?.server.rate_limits.burst_size).toBe(50);
    expect(config?.proxy.profile_filter.include).toEqual(["ollama"]);
    expect(config?.logging.level).toBe("info");
  });

  test("no endpoints and unnamed endpoints are different things", async () => {
    const endpointsOf = async (text: string) => (await load(text)).config?.discovery.static.endpoints;
    expect(await endpointsOf("")).toBeUndefined();
    expect(await endpointsOf("discovery: { static: }")).toBeUndefined();
    expect(await endpointsOf("discovery: { static: { endpoints: [] } }")).toEqual([]);
    expect(await endpointsOf("discovery: { static: { endpoints: } }")).toEqual([]);
  });

  test("it is known where a value came from and where it stands", async () => {
    const loaded = await load("server:\n  host: gpu\n  port: 81\nproxy:\n", { OLLA_SERVER_PORT: "82" });
    expect(loaded.config?.server.port).toBe(82);
    expect(loaded.sourceOf("server.port")).toBe("environment");
    expect(loaded.sourceOf("server.host")).toBe("file");
    expect(loaded.sourceOf("server.read_timeout")).toBe("default");
    expect(loaded.isSet("proxy")).toBe(false);
    expect(loaded.locate(["server", "host"])).toEqual({ line: 2, column: 9 });
    expect(loaded.locate(["server", "idle_timeout"])).toEqual({ line: 2, column: 3 });
  });

  test("anchors and merge keys work", async () => {
    const { config, problems } = await load(`
discovery:
  static:
    endpoints:
      - &first { name: a, url: "http://a:1", priority: 7, check_interval: 10s }
      - { <<: *first, name: b, url: "http://b:1" }
`);
    expect(problems).toEqual([]);
    expect(config?.discovery.static.endpoints?.map((endpoint) => endpoint.priority)).toEqual([7, 7]);
  });
});

describe("scalars", () => {
  const readLine = async (line: string, pick: (loaded: LoadedConfig) => unknown) => pick(await load(line));

  test.each([
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["0", 0],
    ['"0"', 0],
    ["1.5s", 1500],
  ])("duration %p", async (text, expected) => {
    expect(
      await readLine(`server: { idle_timeout: ${text} }`, ({ config }) => config?.server.idle_timeout),
    ).toBe(expected);
  });

  test.each([
    ["104857600", 104857600],
    ["100MB", 104857600],
    ["2.5 GiB", 2684354560],
    ["0", 0],
  ])("size %p", async (text, expected) => {
    const text1 = `server: { request_limits: { max_body_size: ${text} } }`;
    expect(await readLine(text1, ({ config }) => config?.server.request_limits.max_body_size)).toBe(expected);
  });

  test.each([
    ["true", true],
    ["yes", true],
    ["On", true],
    ["no", false],
    ["off", false],
    ["FALSE", false],
  ])("boolean %p", async (text, expected) => {
    const line = `server: { request_logging: ${text} }`;
    expect(await readLine(line, ({ config }) => config?.server.request_logging)).toBe(expected);
  });

  test.each([
    ["Warning", "warn"],
    ["DEBUG", "debug"],
    ["error", "error"],
  ] as const)("log level %p", async (text, expected) => {
    expect(await readLine(`logging: { level: ${text} }`, ({ config }) => config?.logging.level)).toBe(
      expected,
    );
  });

  test("text keys keep the text of plain numbers", async () => {
    const { config } = await load(`
discovery:
  static:
    endpoints:
      - { name: 007, url: "http://a:1", auth: { type: basic, username: 0010, password: 1e3 } }
`);
    const [endpoint] = config?.discovery.static.endpoints ?? [];
    expect(endpoint?.name).toBe("007");
    expect(endpoint?.auth?.value.reveal()).toBe(`Basic ${btoa("0010:1e3")}`);
  });

  test.each([
    ["server: { port: 0 }", "server.port: expected a whole number from 1 to 65535, got 0"],
    ["server: { port: -1 }", "server.port: expected a whole number from 1 to 65535, got -1"],
    ["server: { port: 99999 }", "server.port: expected a whole number from 1 to 65535, got 99999"],
    ["server: { port: 80.5 }", "server.port: expected a whole number from 1 to 65535, got 80.5"],
    ['server: { port: "80" }', 'server.port: expected a whole number from 1 to 65535, got "80"'],
    ["server: { idle_timeout: 30 }", "server.idle_timeout: expected a duration with a unit"],
    ["server: { idle_timeout: -5s }", "server.idle_timeout: expected a duration of at least 0s"],
    ["server: { idle_timeout: 9999h }", "server.idle_timeout: expected a duration of at most 596h"],
    ["server: { idle_timeout: 1d }", 'got "1d"'],
    [
      "server: { request_limits: { max_body_size: -1 } }",
      "server.request_limits.max_body_size: expected a size",
    ],
    ["server: { request_limits: { max_body_size: 100XB } }", 'got "100XB"'],
    ["server: { request_logging: maybe }", 'expected true or false, got "maybe"'],
    ["server: { host: [a] }", "server.host: expected a string, got a list"],
    ["server: [a]", "server: expected a mapping, got a list"],
    ["proxy: { engine: nginx }", 'proxy.engine: expected "sherpa" or "olla", got "nginx"'],
    ["proxy: { load_balancer: random }", "proxy.load_balancer: expected"],
    ["proxy: { profile: Auto }", "proxy.profile: expected"],
    ["discovery: { type: dns }", 'discovery.type: expected "static"'],
    ["logging: { level: loud }", "logging.level: expected"],
    ["model_registry: { type: redis }", "model_registry.type: expected"],
    ["proxy: { retry: { jitter: 2 } }", "proxy.retry.jitter: expected a number from 0 to 1, got 2"],
    [
      "proxy: { retry: { on_status: [500, x] } }",
      "proxy.retry.on_status[1]: expected a whole number from 400 to 599",
    ],
    [
      "proxy: { sticky_sessions: { key_sources: [cookie] } }",
      "proxy.sticky_sessions.key_sources[0]: expected one of",
    ],
    [
      "server: { rate_limits: { trusted_proxy_cidrs: [10.0.0.0] } }",
      "trusted_proxy_cidrs[0]: expected a range",
    ],
    [
      "discovery: { static: { endpoints: { a: b } } }",
      "endpoints: expected a list of endpoints, got a mapping",
    ],
  ])("%p is refused", async (text, message) => {
    const loaded = await load(text);
    expect(loaded.config).toBeUndefined();
    expect(loaded.problems.map(formatProblem).join("\n")).toContain(message);
  });
});

describe("values that contradict each other", () => {
  test.each(["interval", "timeout", "concurrent_workers"])(
    "model discovery needs %p while it is on",
    async (key) => {
      const on = await problemsOf(`discovery: { model_discovery: { ${key}: 0 } }`);
      expect(on.join()).toContain(`discovery.model_discovery.${key}: expected more than 0`);
      expect(await problemsOf(`discovery: { model_discovery: { enabled: false, ${key}: 0 } }`)).toEqual([]);
    },
  );

  test.each([
    ["{ enabled: true, allow_credentials: true, allowed_origins: ['https://a.example'] }", undefined],
    ["{ enabled: true, allow_credentials: true }", "server.cors.allow_credentials"],
    [
      "{ enabled: true, allow_credentials: true, allowed_origins: ['https://a.example', '*'] }",
      "allow_credentials",
    ],
    ["{ enabled: true, max_age: -1 }", "server.cors.max_age"],
    ["{ enabled: true, max_age: 0 }", undefined],
    ["{ enabled: true, allowed_origins: }", "server.cors.allowed_origins"],
    ["{ enabled: true, allowed_origins: [] }", "server.cors.allowed_origins"],
    ["{ enabled: true, allowed_origins: ['*.*.example'] }", "server.cors.allowed_origins"],
    ["{ enabled: false, allowed_origins: [], max_age: -1 }", undefined],
  ])("cors %p", async (cors, place) => {
    const { problems } = await load(`server: { cors: ${cors} }`);
    const errors = problems.filter((problem) => problem.severity === "error").map(formatProblem);
    if (place === undefined) expect(errors).toEqual([]);
    else expect(errors.join()).toContain(place);
  });

  test.each([
    ["0", true],
    ["-1", false],
    ["104857600", true],
    ["104857601", false],
  ])("a message size of %p is accepted: %p", async (size, isAccepted) => {
    const { config } = await load(`translators: { anthropic: { max_message_size: ${size} } }`);
    expect(config !== undefined).toBe(isAccepted);
  });

  test.each(["/etc", "/var", "/usr/local/x", "/", "C:\\Windows", "../../../../../../../../etc/olla"])(
    "the inspector may not write to %p",
    async (folder) => {
      const text = (enabled: boolean) =>
        `translators: { anthropic: { inspector: { enabled: ${enabled}, output_dir: '${folder}' } } }`;
      expect((await problemsOf(text(true))).join()).toContain("dangerous system path");
      expect((await load(text(false))).config).toBeDefined();
    },
  );

  test.each(["a b", "a:b", "a@b"])("the inspector's session header cannot be %p", async (header) => {
    const text = `translators: { anthropic: { inspector: { enabled: true, session_header: '${header}' } } }`;
    expect((await problemsOf(text)).join()).toContain("invalid characters");
  });

  test("the dashboard needs a range while it is on, and names a bad one", async () => {
    const text = (enabled: boolean, ranges: string) =>
      `dashboard: { enabled: ${enabled}, access_policy: { allowed_cidrs: ${ranges} } }`;
    expect((await problemsOf(text(true, "[]"))).join()).toContain("dashboard.access_policy.allowed_cidrs");
    expect((await problemsOf(text(true, "[10.0.0.0/99]"))).join()).toContain("10.0.0.0/99");
    expect((await load(text(false, "[nonsense]"))).config).toBeDefined();
  });
});

test("header limits are rounded to what can work", async () => {
  const sizeFor = async (size: string) =>
    (await load(`server: { request_limits: { max_header_size: ${size} } }`)).config?.server.request_limits
      .max_header_size;
  expect(await sizeFor("0")).toBe(1024 ** 2);
  expect(await sizeFor("1")).toBe(4096);
  expect(await sizeFor("8192")).toBe(8192);
});

describe("older names for the settings of retries", () => {
  const retryOf = async (proxy: string) => (await load(`proxy: ${proxy}`)).config?.proxy.retry;

  test.each([
    ["{}", 0, 0],
    ["{ max_retries: 3, retry_backoff: 500ms }", 4, 500],
    ["{ max_retries: 0 }", 1, 0],
    ["{ max_retries: 3, retry: { max_attempts: 2 } }", 2, 0],
    ["{ max_retries: 3, retry: { max_attempts: 0 } }", 0, 0],
    ["{ retry_backoff: 1s, retry: { backoff: 0s } }", 0, 0],
    ["{ retry_backoff: 1s, retry: { max_attempts: 2 } }", 2, 1000],
  ])("%p", async (proxy, maxAttempts, backoff) => {
    expect(await retryOf(proxy)).toMatchObject({ max_attempts: maxAttempts, backoff });
    const older = proxy.match(/max_retries|retry_backoff/g) ?? [];
    expect((await load(`proxy: ${proxy}`)).problems).toMatchObject(
      older.map((name) => ({ kind: "advice", path: `proxy.${name}` })),
    );
  });
});

test.each([
  ["{}", "{}", 0],
  ["{ write_timeout: 2s }", "{}", 2_000],
  ["{}", "{ response_timeout: 3s }", 3_000],
  ["{ write_timeout: 2s }", "{ response_timeout: 3s }", 2_000],
  ["{ write_timeout: 4s }", "{ response_timeout: 3s }", 3_000],
])("of server %p and proxy %p, the shorter limit of an answer counts", async (server, proxy, limitMs) => {
  const { config } = await load(`server: ${server}\nproxy: ${proxy}`);
  expect(config?.proxy.response_timeout).toBe(limitMs);
});

test("statuses that are never retried are worth a word, the usual ones are not", async () => {
  const problemsWith = (statuses: string) => problemsOf(`proxy: { retry: { on_status: ${statuses} } }`);
  expect(await problemsWith("[500, 503]")).toEqual([]);
  expect((await problemsWith("[401, 503]")).join()).toContain("401 is never retried");
  expect((await problemsWith("[400, 503, 422]")).join()).toContain("400, 422 are never retried");
});
