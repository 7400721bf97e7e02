import { expect, test } from "bun:test";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { type FinishedRun, runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";

const root = join(import.meta.dir, "../..");

function printEffective(
  yaml: string,
  {
    env = {},
    files = {},
    args = [],
  }: { env?: Record<string, string>; files?: Record<string, string>; args?: string[] } = {},
): Promise<FinishedRun> {
  return runToEnd(["validate", "--print-effective", ...args], {
    command: sourceCommand,
    files: { "config.yaml": yaml, ...files },
    env,
  });
}

test.concurrent("each key has its value and where that came from", async () => {
  const yaml = [
    "server:",
    "  port: 40200",
    "  read_timeout: 90s",
    "proxy:",
    "  max_retries: 2",
    "discovery:",
    "  static:",
    "    endpoints:",
    "      - name: desk",
    "        url: http://localhost:11434",
    "        max_concurrent: 4",
    "model_aliases: { fast: [tiny, small] }",
    "",
  ].join("\n");
  const env = { OLLA_PROXY_ENGINE: "olla", OLLA_SERVER_PORT: "40300" };
  const { code, stdout, stderr } = await printEffective(yaml, { env });
  expect(code).toBe(0);
  const plain = stdout.replace(/ +#/g, " #");
  for (const line of [
    "  host: localhost # default",
    "  port: 40300 # OLLA_SERVER_PORT",
    "  read_timeout: 1m30s # config.yaml:3",
    "  engine: olla # OLLA_PROXY_ENGINE",
    "    max_attempts: 3 # config.yaml:5, proxy.max_retries",
    "    max_body_size: 50MiB # default",
    "      - url: http://localhost:11434 # config.yaml:10",
    "        name: desk # config.yaml:9",
    "        max_concurrent: 4 # config.yaml:11",
    "        priority: 100 # default",
    "model_aliases: { fast: [tiny, small] } # config.yaml:12",
  ]) {
    expect(plain.split("\n")).toContain(line);
  }
  expect(plain).toContain("# model_url: unset");
  // The report is for people, so that what goes into a file is YAML.
  expect(stderr).toContain("Result: PASS");
  expect(stdout).not.toContain("Result");
});

test.concurrent("what is printed is a configuration with the same meaning", async () => {
  const path = "docs/config.example.yaml";
  const text = (await Bun.file(join(root, path)).text()).replace(/^ +auth:.*\n|^ +headers:.*\n/gm, "");
  const { stdout } = await printEffective(text);
  const read = async (yaml: string) => {
    return await loadConfig({ path: "c.yaml", env: {}, cwd: root, readFile: async () => yaml });
  };
  const [before, after] = [await read(text), await read(stdout)];
  expect(after.problems.map(formatProblem)).toEqual([]);
  expect(before.config).toBeDefined();
  expect(after.config).toEqual(before.config);
});

test.concurrent("as JSON: one object for each key, beside the report", async () => {
  const { code, stdout } = await printEffective("server: { port: 40200, prot: 1 }\n", {
    args: ["--json"],
    env: { OLLA_LOG_LEVEL: "warning" },
  });
  expect(code).toBe(1);
  const { valid, file, checks, effective } = JSON.parse(stdout);
  expect([valid, file]).toEqual([false, "config.yaml"]);
  expect(checks[0]).toMatchObject({
    name: "config.yaml",
    verdict: "WARN",
    problems: [{ kind: "unknown-key", line: 1, column: 24, path: "server.prot" }],
  });
  const byKey = new Map(effective.map((each: { key: string }) => [each.key, each]));
  expect(byKey.get("server.port")).toEqual({ key: "server.port", value: 40200, source: "file", line: 1 });
  expect(byKey.get("logging.level")).toEqual({
    key: "logging.level",
    value: "warn",
    source: "environment",
    variable: "OLLA_LOG_LEVEL",
  });
  expect(byKey.get("discovery.static.endpoints")).toMatchObject({ value: null, source: "default" });
});

test.concurrent("a configuration with errors has nothing in force: the report says why", async () => {
  const { code, stdout, stderr } = await printEffective("server: { port: many }\n");
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("config.yaml:1:17  server.port: expected a whole number");
});

test.concurrent("no credential is printed, wherever it stands", async () => {
  const canary = (name: string) => `canary-${name}-0123456789`;
  const yaml = `
server:
  admin: { key: ${canary("admin")} }
telemetry: { otlp: { headers: { Authorization: ${canary("otlp")} }, endpoint: "http://c:1/?key=${canary("collector")}" } }
auth:
  keys:
    - { name: ann, hash: "sha256:${"0123456789abcdef".repeat(4)}" }
    - { name: bob, key_file: bob.key }
discovery:
  static:
    endpoints:
      - { name: a, url: "http://a:1/v1?key=${canary("url")}", headers: { X-Team: ${canary("header")} },
          auth: { type: bearer, token: ${canary("token")} } }
      - { name: b, url: "http://b:1", auth: { type: api_key, key: "\${SECRET}" } }
      - { name: c, url: "http://c:1", auth: { type: basic, username: ${canary("user")}, password_file: pass } }
      - { name: d, url: "http://d:1", headers: { Authorization: "Bearer \${SECRET:-${canary("fallback")}}" } }
`;
  const settings = {
    env: { SECRET: canary("variable"), OLLA_SERVER_ADMIN_KEY: canary("override") },
    files: { "bob.key": canary("bob"), pass: canary("password") },
  };
  for (const args of [[], ["--json"]]) {
    const { code, stdout, stderr } = await printEffective(yaml, { ...settings, args });
    const output = stdout + stderr;
    expect(code).toBe(0);
    expect(output).toContain("X-Team");
    expect(output).toContain("bob.key");
    expect(output).toContain("***");
    expect(output.match(/canary-\w+/g)).toBeNull();
    expect(output).not.toContain("0123456789abcdef");
    expect(output).not.toContain(Buffer.from(canary("user")).toString("base64").slice(0, 12));
  }
});

test.concurrent("more than a pipe holds arrives whole", async () => {
  const endpoints = Array.from({ length: 400 }, (_, index) => ({
    name: `e${index}`,
    url: `http://h:${index + 1}`,
  }));
  const yaml = JSON.stringify({ discovery: { static: { endpoints } } });
  const { stdout } = await printEffective(yaml, { args: ["--json"] });
  expect(stdout.length).toBeGreaterThan(1024 ** 2);
  expect(JSON.parse(stdout).effective.length).toBeGreaterThan(400 * 30);
});
