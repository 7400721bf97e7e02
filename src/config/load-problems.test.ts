import { describe, expect, test } from "bun:test";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

function load(text: string, env: Record<string, string> = {}): Promise<LoadedConfig> {
  return loadConfig({ path: "olla.yaml", env, cwd: "/", readFile: async () => text });
}

async function problemsOf(text: string, env: Record<string, string> = {}): Promise<string[]> {
  return (await load(text, env)).problems.map(formatProblem);
}

test("all problems are reported at once, in the order of the file", async () => {
  const problems = await problemsOf(`server:
  prot: 80
  port: 99999
proxy:
  engine: nginx
discovery:
  model_discovery:
    interval: soon
  static:
    endpoints:
      - name: a
        url: ftp://a
        weight: 0
        auth: { type: bearer }
      - name: a
        url: http://b
logging:
  level: loud
`);
  expect(problems.map((problem) => problem.split("  ")[0])).toEqual([
    "olla.yaml:2:3",
    "olla.yaml:3:9",
    "olla.yaml:5:11",
    "olla.yaml:8:15",
    "olla.yaml:12:14",
    "olla.yaml:13:17",
    "olla.yaml:14:15",
    "olla.yaml:15:15",
    "olla.yaml:18:10",
  ]);
});

describe("a key that does not exist", () => {
  test.each([
    ["server: { prot: 1 }", "server.port"],
    ["server: { Port: 1 }", "server.port"],
    ["sever: { port: 1 }", "server"],
    ["port: 1", "server.port"],
    ["endpoints: []", "discovery.static.endpoints"],
    ["discovery: { endpoints: [] }", "discovery.static.endpoints"],
    ["dashboard: { allowed_cidrs: [] }", "dashboard.access_policy.allowed_cidrs"],
    ["server: { max_body_size: 1 }", "server.request_limits.max_body_size"],
    ["sticky_sessions: { enabled: true }", "proxy.sticky_sessions"],
    ["proxy: { loadbalancer: priority }", "proxy.load_balancer"],
    [
      "discovery: { static: { endpoints: [{ name: a, url: 'http://a', prio: 1 }] } }",
      "discovery.static.endpoints[].priority",
    ],
    [
      "discovery: { static: { endpoints: [{ name: a, url: 'http://a', filter: {} }] } }",
      "discovery.static.endpoints[].model_filter",
    ],
  ])("in %p is a warning that suggests %p", async (text, suggestion) => {
    const { config, problems } = await load(text);
    expect(config).toBeDefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ severity: "warning", kind: "unknown-key" });
    expect(problems[0]?.message).toContain(`did you mean \`${suggestion}\`?`);
  });

  test("without resemblance is named all the same", async () => {
    expect(await problemsOf("server:\n  colour: red\n")).toEqual([
      "olla.yaml:2:3  server.colour: no such key, it is ignored",
    ]);
  });

  test("called like something every object has is an unknown key too", async () => {
    expect(await problemsOf("constructor: 1\n__proto__: 2\nserver: { toString: 3 }\n")).toHaveLength(3);
  });
});

describe("a key that this version does not act on", () => {
  test("gives one warning with its position, and only when it differs from the default", async () => {
    const { config, problems } = await load("config:\n  watch: false\n");
    expect(config?.config.watch).toBe(false);
    expect(problems.map(formatProblem)).toEqual([
      "olla.yaml:2:10  config.watch: this version does not act on this key yet",
    ]);
    expect(await problemsOf("config:\n  watch: true\n")).toEqual([]);
  });

  test("is warned about when a variable sets it", async () => {
    expect(await problemsOf("", { OLLA_CONFIG_WATCH: "false" })).toEqual([
      "OLLA_CONFIG_WATCH  config.watch: this version does not act on this key yet",
    ]);
  });

  test("is not announced as well when its value is wrong", async () => {
    const problems = await problemsOf("proxy: { retry: { jitter: 3 } }\nmodel_aliases: { a: [] }");
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain("does not act");
  });

  test("has no effect at all, which is said whenever it is set", async () => {
    const { config, problems } = await load(
      "server: { read_header_timeout: 10s }\ndiscovery: { refresh_interval: 30s }\n",
    );
    expect(config).toBeDefined();
    expect(problems.map((problem) => [problem.severity, problem.kind])).toEqual([
      ["warning", "inert"],
      ["warning", "inert"],
    ]);
  });
});

test.each([
  ["server: { write_timeout: 5m }", "server.write_timeout", "server: { write_timeout: 0s }"],
  ["proxy: { response_timeout: 15m }", "proxy.response_timeout", "proxy: { response_timeout: 0s }"],
  ["proxy: { read_timeout: 0s }", "proxy.read_timeout", "proxy: { read_timeout: 5m }"],
  ["server: { idle_timeout: 256s }", "server.idle_timeout", "server: { idle_timeout: 255s }"],
  ["proxy: { stream_buffer_size: 65KB }", "proxy.stream_buffer_size", "proxy: { stream_buffer_size: 64KB }"],
  ["proxy: { stream_buffer_size: 1024 }", "proxy.stream_buffer_size", "proxy: { stream_buffer_size: 2048 }"],
  ["proxy: { profile: standard }", "proxy.profile", "proxy: { profile: streaming }"],
  [
    "server: { rate_limits: { burst_size: 0 } }",
    "server.rate_limits.burst_size",
    "server: { rate_limits: { burst_size: 1 } }",
  ],
])("%p is honoured but advised against", async (text, path, unremarkable) => {
  const { config, problems } = await load(text);
  expect(config).toBeDefined();
  expect(problems).toMatchObject([{ severity: "warning", kind: "advice", path }]);
  expect(await problemsOf(unremarkable)).toEqual([]);
});

test("sticky sessions that never expire are advised against, and only where they are on", async () => {
  const settings = "idle_ttl_seconds: 0";
  const { problems } = await load(`proxy: { sticky_sessions: { enabled: true, ${settings} } }`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ kind: "advice", path: "proxy.sticky_sessions.idle_ttl_seconds" });
  expect(await problemsOf(`proxy: { sticky_sessions: { ${settings} } }`)).toEqual([]);
});

describe("broken YAML", () => {
  test.each([
    ["server:\n  port: 1\n  port: 2\n", "olla.yaml:3:3", "DUPLICATE_KEY"],
    ["server:\n\tport: 1\n", "olla.yaml:2:1", "TAB_AS_INDENT"],
    ["server: { port: 1\n", "olla.yaml:2:1", "expected YAML"],
    ["a: 'x\n", "olla.yaml:2:1", "MISSING_CHAR"],
    ["a: 1\n---\nb: 2\n", "olla.yaml:2:1", "MULTIPLE_DOCS"],
    ["a: *nobody\n", "olla.yaml:1:4", "anchor"],
    ["- a\n- b\n", "olla.yaml:1:1", "expected a mapping"],
    ["just text\n", "olla.yaml:1:1", "expected a mapping"],
  ])("%p is reported at %p", async (text, position, message) => {
    const loaded = await load(text);
    expect(loaded.config).toBeUndefined();
    const first = loaded.problems.find((problem) => problem.severity === "error");
    expect(first === undefined ? "" : formatProblem(first)).toStartWith(`${position}  `);
    expect(first?.message).toContain(message);
  });

  test("that multiplies without end is refused", async () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const [index, name] of [..."bcdefg"].entries()) {
      const earlier = "abcdef"[index];
      lines.push(`${name}: &${name} [${Array(9).fill(`*${earlier}`).join(", ")}]`);
    }
    expect((await load(lines.join("\n"))).config).toBeUndefined();
  });

  test("problems of the environment are reported beside it", async () => {
    const problems = await problemsOf("server: {", { OLLA_SERVER_PORT: "many" });
    expect(problems.some((problem) => problem.startsWith("OLLA_SERVER_PORT  server.port: expected"))).toBe(
      true,
    );
  });

  test("line ends of Windows and a byte order mark do no harm", async () => {
    const { config, problems } = await load("\uFEFFserver:\r\n  port: 81\r\n");
    expect(problems).toEqual([]);
    expect(config?.server.port).toBe(81);
  });
});

describe("a credential never reaches a problem", () => {
  const canary = "canary-secret-value";
  const endpoint = (lines: string) =>
    `discovery:\n  static:\n    endpoints:\n      - name: a\n        url: http://a:1\n        ${lines}\n`;

  test.each([
    endpoint(`auth: ${canary}`),
    endpoint(`auth: [${canary}]`),
    endpoint(`auth: { type: ${canary} }`),
    endpoint(`auth: { type: bearer, token: [${canary}] }`),
    endpoint(`auth: { type: bearer, token: { x: ${canary} } }`),
    endpoint(`auth: { type: bearer, token: ${canary}, token_file: /nowhere }`),
    endpoint(`auth: { type: bearer, token: ${canary}, password: ${canary} }`),
    endpoint(`auth: { type: bearer, token: "${canary}\\nX: y" }`),
    endpoint(`auth: { type: bearer, token: "${canary}\${NOBODY_SET_THIS}" }`),
    endpoint(`auth: { type: bearer, token: "\${${canary}}" }`),
    endpoint(`auth: { type: bearer, token: @${canary} }`),
    endpoint(`auth: { type: bearer, token: !${canary} x }`),
    endpoint(`auth: { type: bearer, token: *${canary} }`),
    endpoint(`auth: { type: bearer, token: "${canary} }`),
    endpoint(`auth: { type: bearer, token: a: ${canary} }`),
    endpoint(`auth: { type: basic, username: "a:${canary}", password: ${canary} }`),
    endpoint(`auth: { type: api_key, key: ${canary}, header: "X ${canary}" }`),
    endpoint(`headers: ${canary}`),
    endpoint(`headers: [${canary}]`),
    endpoint(`headers: { X-Key: [${canary}] }`),
    endpoint(`headers: { "X-Key: ${canary}": y }`),
    endpoint(`headers: { X-Key: "${canary}\\r\\nY: z" }`),
    endpoint(`health_check_url: http://user:${canary}@a/health`),
    endpoint(`model_url: "htp://user:${canary}@a/models"`),
    `discovery: { static: { endpoints: [{ url: "http://user:${canary}@gpu:1" }] } }`,
    `discovery: { static: { endpoints: [{ url: "http://${canary}@gpu:1" }] } }`,
    `discovery: { static: { endpoints: [{ url: "user:${canary}@gpu:1" }] } }`,
    `discovery: { static: { endpoints: [{ url: "http//user:${canary}@gpu:1" }] } }`,
    `discovery: { static: { endpoints: [{ url: "ftp://user:${canary}@gpu:1" }] } }`,
    `discovery: { static: { endpoints: [{ url: "http://user:${canary}/x@gpu:1" }] } }`,
    `discovery: { static: { endpoints: [{ url: "gpu:1?api_key=${canary}" }] } }`,
    `discovery: { static: { endpoints: [{ url: "ftp://gpu:1/?api_key=${canary}" }] } }`,
    `discovery: { static: { endpoints: [{ url: "http:///?api_key=${canary}" }] } }`,
    `discovery: { static: { endpoints: [{ url: "http:gpu#${canary}" }] } }`,
    endpoint(`health_check_url: "ftp://a/health?api_key=${canary}"`),
    `server: { admin: { key: [${canary}] } }`,
    `auth: { keys: [{ hash: [${canary}] }] }`,
    `auth: { keys: ${canary} }`,
    `telemetry: { otlp: { headers: { a: [${canary}] } } }`,
    `proxy: { engine: "http://user:${canary}@x" }`,
  ])("in %p", async (text) => {
    const loaded = await load(text);
    expect(loaded.problems.length).toBeGreaterThan(0);
    expect(loaded.problems.map(formatProblem).join("\n")).not.toContain("canary");
    expect(JSON.stringify(loaded.problems)).not.toContain("canary");
  });

  test("nor does one that is accepted show in the printed configuration", async () => {
    const text = endpoint(`auth: { type: bearer, token: ${canary} }\n        headers: { X-Key: ${canary} }`);
    const { config, problems } = await load(`${text}server: { admin: { key: ${canary} } }\n`);
    expect(config?.discovery.static.endpoints?.[0]?.auth?.value.reveal()).toBe(`Bearer ${canary}`);
    expect(JSON.stringify([config, problems])).not.toContain("canary");
    expect(Bun.inspect(config, { depth: 20 })).not.toContain("canary");
  });
});
