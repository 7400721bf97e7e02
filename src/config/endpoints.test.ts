// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are what is tested here
import { describe, expect, test } from "bun:test";
import { Secret } from "../lib/secret.ts";
import type { EndpointConfig } from "./endpoint-config.ts";
import { defaultEndpoint } from "./endpoints.ts";
import { loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

const files: Record<string, string> = {
  "/run/token": "  from-file\n",
  "/run/empty": " \n",
  "/etc/olla/pass": "p",
};

async function load(entries: string, env: Record<string, string> = {}) {
  return loadConfig({
    path: "olla.yaml",
    env,
    cwd: "/etc/olla",
    readFile: async (path) => {
      if (path === "/etc/olla/olla.yaml") return `discovery:\n  static:\n    endpoints: [${entries}]\n`;
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error("gone"), { code: "ENOENT" });
      return text;
    },
  });
}

async function problemsOf(entries: string, env: Record<string, string> = {}): Promise<string> {
  return (await load(entries, env)).problems.map(formatProblem).join("\n");
}

async function endpointOf(
  fields: string,
  env: Record<string, string> = {},
): Promise<EndpointConfig | undefined> {
  const loaded = await load(`{ name: a, url: "http://gpu:8000", ${fields} }`, env);
  return loaded.config?.discovery.static.endpoints?.[0];
}

test("an entry with the least there can be gets every default", async () => {
  const loaded = await load('{ name: a, url: "http://gpu:8000" }');
  expect(loaded.problems).toEqual([]);
  expect(loaded.config?.discovery.static.endpoints).toEqual([
    {
      url: "http://gpu:8000",
      name: "a",
      type: "auto",
      priority: 100,
      weight: 1,
      health_check_url: undefined,
      model_url: undefined,
      check_interval: 5000,
      check_timeout: 2000,
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
      tls: { ca: undefined, server_name: undefined, insecure_skip_verify: false },
    },
  ]);
});

describe("timing", () => {
  test.each([
    ["check_interval: 0", 5000, 2000],
    ["check_interval: 1s", 1000, 500],
    ["check_interval: 3s", 3000, 1500],
    ["check_interval: 1m", 60_000, 2000],
    ["check_interval: 1m, check_timeout: 30s", 60_000, 30_000],
    ["check_timeout: 0", 5000, 2000],
    ["check_timeout: 4999ms", 5000, 4999],
  ])("%p gives interval %p and timeout %p", async (fields, interval, timeout) => {
    const endpoint = await endpointOf(fields);
    expect([endpoint?.check_interval, endpoint?.check_timeout]).toEqual([interval, timeout]);
  });

  test.each([
    ["check_interval: 500ms", 'check_interval: endpoint "a": expected at least 1s, got 500ms'],
    [
      "check_timeout: 5s",
      'check_timeout: endpoint "a": expected less than check_interval, which is 5s, got 5s',
    ],
    ["check_interval: 1m, check_timeout: 31s", 'check_timeout: endpoint "a": expected at most 30s, got 31s'],
  ])("%p is refused", async (fields, message) => {
    expect(await problemsOf(`{ name: a, url: "http://gpu:8000", ${fields} }`)).toContain(message);
  });
});

test("priority 0 is a priority and not the default", async () => {
  expect((await endpointOf("priority: 0"))?.priority).toBe(0);
  expect((await endpointOf("priority:"))?.priority).toBe(100);
  expect(await problemsOf('{ name: a, url: "http://gpu:8000", priority: -1 }')).toContain(
    "of at least 0, got -1",
  );
});

test("a weight is above 0", async () => {
  expect((await endpointOf("weight: 0.5"))?.weight).toBe(0.5);
  expect(await problemsOf('{ name: a, url: "http://gpu:8000", weight: 0 }')).toContain(
    "expected a number above 0, got 0",
  );
});

test("timeouts of one endpoint are milliseconds, and 0 is a value", async () => {
  const endpoint = await endpointOf("connection_timeout: 0, response_header_timeout: 1m, read_timeout: 2s");
  expect(endpoint).toMatchObject({
    connection_timeout: 0,
    response_header_timeout: 60_000,
    read_timeout: 2000,
  });
});

describe("names", () => {
  test("missing ones come from host and port, with a warning", async () => {
    const loaded = await load(
      '{ url: "http://gpu:8000" }, { url: "https://other/x" }, { url: "http://[::1]" }',
    );
    expect(loaded.config?.discovery.static.endpoints?.map((endpoint) => endpoint.name)).toEqual([
      "gpu:8000",
      "other:443",
      "[::1]:80",
    ]);
    expect(loaded.problems.map((problem) => problem.severity)).toEqual(["warning", "warning", "warning"]);
    expect(loaded.problems[0]?.message).toContain('"gpu:8000" is used');
  });

  test("are unique, derived ones too", async () => {
    const twice = '{ name: a, url: "http://x:1" }, { name: a, url: "http://y:1" }';
    expect(await problemsOf(twice)).toContain('endpoints[1].name: endpoint "a": expected a name of its own');
    const derived = '{ url: "http://x:1/a" }, { url: "http://x:1/b" }';
    expect(await problemsOf(derived)).toContain("give the endpoint a name");
  });

  test.each(["a\\tb", "a\\nb", " a", "a ", "küche"])("%p cannot travel in a header", async (name) => {
    expect(await problemsOf(`{ name: "${name}", url: "http://x:1" }`)).toContain("printable ASCII");
  });
});

describe("addresses", () => {
  test.each([
    "http://gpu:8000",
    "https://gpu",
    "http://[::1]:11434/base/",
    "HTTP://gpu:1",
    "http://10.0.0.1:1?x=1",
  ])("%p is fine", async (url) => {
    expect((await load(`{ name: a, url: "${url}" }`)).problems).toEqual([]);
  });

  test.each([
    ["", "got nothing"],
    ["gpu:8000", 'did you mean "http://gpu:8000"?'],
    ["localhost", 'did you mean "http://localhost"?'],
    ["ftp://gpu", 'got "ftp://gpu"'],
    ["http://", "got"],
    ["http:///x", "names no host"],
    ["http://gpu:99999", "got"],
  ])("%p is refused", async (url, message) => {
    const problems = await problemsOf(`{ name: a, url: "${url}" }`);
    expect(problems).toContain("expected a URL such as http://localhost:11434");
    expect(problems).toContain(message);
  });

  test("a missing one is an error at the entry", async () => {
    expect(await problemsOf("{ name: a }")).toContain("endpoints[0].url");
  });

  test.each(["http://x:80", "http://x/", "HTTP://X", "http://x//"])(
    "%p is the same as http://x",
    async (url) => {
      const problems = await problemsOf(`{ name: a, url: "http://x" }, { name: b, url: "${url}" }`);
      expect(problems).toContain('endpoints[1].url: endpoint "b": expected an address of its own');
    },
  );

  test("credentials inside are refused with the block that does the same", async () => {
    const problems = await problemsOf('{ name: a, url: "http://joe:hunter2@gpu:8000/v1" }');
    expect(problems).toContain("http://<username>:<password>@gpu:8000");
    expect(problems).toContain("auth: { type: basic");
    expect(problems).not.toContain("bearer");
    expect(problems).not.toContain("joe");
    expect(problems).not.toContain("hunter2");
    expect(await problemsOf('{ name: a, url: "http://sk-1@gpu" }')).toContain("auth: { type: bearer");
  });

  test("health and model addresses are paths or http URLs", async () => {
    expect((await endpointOf("health_check_url: /health, model_url: 'https://x/y'"))?.model_url).toBe(
      "https://x/y",
    );
    expect((await endpointOf("health_check_url: ''"))?.health_check_url).toBeUndefined();
    expect(await problemsOf('{ name: a, url: "http://x", model_url: "ftp://x" }')).toContain(
      "expected a path such as",
    );
  });
});

describe("auth", () => {
  test.each([
    ["{ type: bearer, token: abc }", "Authorization", "Bearer abc"],
    ['{ type: bearer, token: "${KEY}" }', "Authorization", "Bearer from-env"],
    ['{ type: bearer, token: "a-${KEY}-${NONE:-x}" }', "Authorization", "Bearer a-from-env-x"],
    ["{ type: bearer, token_file: /run/token }", "Authorization", "Bearer from-file"],
    ["{ type: bearer, token: abc, key: }", "Authorization", "Bearer abc"],
    ["{ type: api_key, key: abc }", "X-Api-Key", "abc"],
    ["{ type: api_key, key: abc, header: Api-Key }", "Api-Key", "abc"],
    [
      "{ type: basic, username: joe, password: pä:ss }",
      "Authorization",
      `Basic ${Buffer.from("joe:pä:ss").toString("base64")}`,
    ],
    ["{ type: basic, username: joe, password_file: pass }", "Authorization", `Basic ${btoa("joe:p")}`],
  ])("%p becomes %p", async (auth, header, value) => {
    const endpoint = await endpointOf(`auth: ${auth}`, { KEY: "from-env" });
    expect(endpoint?.auth?.header).toBe(header);
    expect(endpoint?.auth?.value).toBeInstanceOf(Secret);
    expect(endpoint?.auth?.value.reveal()).toBe(value);
  });

  test.each([
    ["{ token: abc }", "auth.type", '"bearer", "api_key" or "basic"'],
    ["{ type: Bearer, token: abc }", "auth.type", 'got "Bearer"'],
    ["{ type: bearer }", "auth.token", "got neither"],
    ["{ type: bearer, token: a, token_file: /run/token }", "auth.token", "got both"],
    ["{ type: bearer, token: '' }", "auth.token", "got an empty one"],
    ["{ type: bearer, token: '${EMPTY}' }", "auth.token", "got an empty one"],
    ["{ type: bearer, token_file: /run/empty }", "auth.token_file", "got an empty one"],
    ["{ type: bearer, token_file: /run/nothing }", "auth.token_file", "does not exist: /run/nothing"],
    ["{ type: bearer, token: '${NOPE}' }", "auth.token", "environment variable NOPE to be set"],
    ["{ type: bearer, token: '${a b}' }", "auth.token", "expected the name of a variable"],
    ["{ type: bearer, token: a, key: b }", "auth.key", "expected nothing, because auth.type is bearer"],
    ["{ type: bearer, token: a, username_file: b }", "auth.username_file", "expected nothing"],
    ["{ type: api_key }", "auth.key", "got neither"],
    ["{ type: api_key, key: a, token_file: b }", "auth.token_file", "expected nothing"],
    ["{ type: api_key, key: a, header: 'X Y' }", "auth.header", "expected a header name"],
    ["{ type: basic, username: a }", "auth.password", "got neither"],
    ["{ type: basic, password: a }", "auth.username", "got neither"],
    ["{ type: basic, username: a, password: b, key: c }", "auth.key", "expected nothing"],
    ["{ type: basic, username: 'a:b', password: c }", "auth.username", "without a colon"],
    ['{ type: bearer, token: "a\\nb" }', "auth.token", "line break"],
  ])("%p is refused and the endpoint named", async (auth, field, message) => {
    const loaded = await load(`{ name: gpu-box, url: "http://gpu:8000", auth: ${auth} }`, { EMPTY: "" });
    expect(loaded.config).toBeUndefined();
    const problem = loaded.problems.find((found) => found.severity === "error");
    expect(problem?.path).toBe(`discovery.static.endpoints[0].${field}`);
    expect(problem?.message).toStartWith('endpoint "gpu-box": ');
    expect(problem?.message).toContain(message);
    expect(problem?.line).toBe(3);
  });

  test("every missing variable of all endpoints is reported", async () => {
    const problems = await problemsOf(
      '{ name: a, url: "http://a", auth: { type: bearer, token: "${ONE}${TWO}" } }, { name: b, url: "http://b", headers: { X: "${THREE}" } }',
    );
    for (const name of ["ONE", "TWO", "THREE"]) expect(problems).toContain(`variable ${name} to be set`);
  });
});

describe("headers", () => {
  test("are interpolated and kept secret", async () => {
    const endpoint = await endpointOf(
      'headers: { X-Team: "${TEAM}", X-Cost: "$5", X-Empty: "${GONE:-}", X-Number: 0010 }',
      {
        TEAM: "red",
      },
    );
    const shown = Object.entries(endpoint?.headers ?? {}).map(([name, value]) => [name, value.reveal()]);
    expect(shown).toEqual([
      ["X-Team", "red"],
      ["X-Cost", "$5"],
      ["X-Empty", ""],
      ["X-Number", "0010"],
    ]);
  });

  test.each([
    ["{ 'X Y': a }", "expected header names"],
    ['{ X: "a\\r\\nY: b" }', "line break"],
    ['{ X: "a\\0" }', "line break"],
    ["{ X-A: 1, x-a: 2 }", "again in other letter case"],
    ["{ Content-Length: 5 }", "Olla sets this one itself"],
    ["{ X: [a] }", "expected a string, got a list"],
  ])("%p is refused", async (headers, message) => {
    expect(await problemsOf(`{ name: a, url: "http://a", headers: ${headers} }`)).toContain(message);
  });
});

test("model filters accept any globs but empty ones", async () => {
  const endpoint = await endpointOf("model_filter: { include: ['*a*b', llama*], exclude: [x] }");
  expect(endpoint?.model_filter).toEqual({ include: ["*a*b", "llama*"], exclude: ["x"] });
  const problems = await problemsOf("{ name: a, url: 'http://a', model_filter: { include: [''] } }");
  expect(problems).toContain("model_filter.include[0]");
});

test("an endpoint is of this house or of the cloud, and of no other tier", async () => {
  expect((await endpointOf("tier: cloud, daily_tokens: 5000"))?.tier).toBe("cloud");
  expect((await endpointOf(""))?.tier).toBe("local");
  expect(await problemsOf('{ name: a, url: "http://a", tier: remote }')).toContain("endpoints[0].tier");
});

test("an endpoint that no file names has the same settings as one that says nothing more than its name", async () => {
  const entry = { url: "http://127.0.0.1:11434", name: "ollama-11434", type: "ollama" };
  const text = JSON.stringify({ discovery: { static: { endpoints: [entry] } } });
  const loaded = await loadConfig({ path: "olla.yaml", env: {}, cwd: "/", readFile: async () => text });
  expect(loaded.problems).toEqual([]);
  expect([defaultEndpoint(entry)]).toEqual([...(loaded.config?.discovery.static.endpoints ?? [])]);
});
