import { describe, expect, test } from "bun:test";
import { Secret } from "../lib/secret.ts";
import { type ListedKey, listKeys, valueAt } from "./key-list.ts";
import { loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";
import { configSchema } from "./schema.ts";

function load(env: Record<string, string>, text = "") {
  return loadConfig({ path: "olla.yaml", env, cwd: "/", readFile: async () => text });
}

const keys = listKeys(configSchema);
/** What `server.tls` names are files, and the admin key is kept as a digest; tests of their own have those variables. */
const cases = keys
  .filter(({ path }) => !path.startsWith("server.tls.") && !path.startsWith("server.admin.key"))
  .flatMap((key) => key.variables.map((variable) => ({ variable, key })));

/** A valid value that is not the default, and what it must become. */
function sampleFor(key: ListedKey): { text: string; value: unknown } {
  const { type, initial, unit } = key.metadata;
  const choices = unit.split(" · ");
  if (type === "duration") return { text: "17s", value: 17_000 };
  if (type === "size") return { text: "8KB", value: 8192 };
  if (type === "boolean") return { text: initial === true ? "f" : "T", value: initial !== true };
  if (type === "integer") return { text: "7", value: 7 };
  if (type === "number") return { text: "0.5", value: 0.5 };
  if (type === "list" && unit === "CIDR ranges")
    return { text: "10.1.0.0/16, ::1/128,", value: ["10.1.0.0/16", "::1/128"] };
  if (type === "list") return { text: " a ,b,,", value: ["a", "b"] };
  if (unit === "secret") return { text: "s3cret", value: new Secret("s3cret") };
  if (unit === "URL") return { text: "http://elsewhere:4318", value: "http://elsewhere:4318" };
  const other = choices.length > 1 ? choices.find((choice) => choice !== initial) : undefined;
  // "memory" is the only choice there is; its second spelling is empty, which means unset.
  const text = other ?? (key.path === "model_registry.type" ? "memory" : "elsewhere");
  return { text, value: text };
}

test.each(cases)("$variable changes its key", async ({ variable, key }) => {
  const { text, value } = sampleFor(key);
  const loaded = await load({ [variable]: text });
  expect(loaded.problems.filter((problem) => problem.severity === "error")).toEqual([]);
  expect(loaded.sourceOf(key.path)).toBe("environment");
  const read = valueAt(loaded.config, key.parts);
  if (value instanceof Secret) expect(read instanceof Secret && read.reveal()).toBe("s3cret");
  else expect(read).toEqual(value);
});

test.each(cases.filter(({ key }) => !["string", "list"].includes(key.metadata.type)))(
  "$variable with nonsense in it stops the start and is named",
  async ({ variable, key }) => {
    const loaded = await load({ [variable]: "nonsense" });
    expect(loaded.config).toBeUndefined();
    expect(loaded.problems.map(formatProblem).join()).toContain(`${variable}  ${key.path}: expected`);
  },
);

test("every variable of the specification exists", () => {
  const server = [
    "HOST PORT READ_TIMEOUT READ_HEADER_TIMEOUT WRITE_TIMEOUT MAX_BODY_SIZE MAX_HEADER_SIZE GLOBAL_RATE_LIMIT",
    "PER_IP_RATE_LIMIT RATE_BURST_SIZE HEALTH_RATE_LIMIT RATE_CLEANUP_INTERVAL TRUST_PROXY_HEADERS TRUSTED_PROXY_CIDRS",
    "CORS_ENABLED CORS_ALLOWED_ORIGINS CORS_ALLOWED_METHODS CORS_ALLOWED_HEADERS CORS_EXPOSED_HEADERS",
    "CORS_ALLOW_CREDENTIALS CORS_MAX_AGE REQUEST_LOGGING BARE_ROUTES",
  ];
  const proxy = [
    "ENGINE LOAD_BALANCER PROFILE RESPONSE_TIMEOUT READ_TIMEOUT RESPONSE_HEADER_TIMEOUT TLS_HANDSHAKE_TIMEOUT",
    "CONNECTION_KEEP_ALIVE STICKY_SESSIONS_ENABLED MAX_BUFFERED_BYTES RETRY_MAX_ATTEMPTS",
  ];
  const others = [
    "LOGGING_LEVEL LOGGING_FORMAT LOGGING_OUTPUT LOG_LEVEL LOG_FORMAT SHOW_NERD_STATS MODEL_REGISTRY_TYPE",
    "MODEL_UNIFIER_ENABLED TRANSLATORS_ANTHROPIC_ENABLED TRANSLATORS_ANTHROPIC_PASSTHROUGH_ENABLED",
    "TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE CONFIG_WATCH REQUEST_LOG_MAX_AGE",
  ];
  const named = (prefix: string, groups: string[]) =>
    groups
      .join(" ")
      .split(" ")
      .map((name) => prefix + name);
  const expected = [
    ...named("OLLA_SERVER_", server),
    ...named("OLLA_PROXY_", proxy),
    ...named("OLLA_", others),
  ];
  const existing = new Set(cases.map(({ variable }) => variable));
  expect(expected.filter((name) => !existing.has(name))).toEqual([]);
});

test("no variable stands for two keys", () => {
  const variables = cases.map(({ variable }) => variable);
  expect(variables.filter((name, index) => variables.indexOf(name) !== index)).toEqual([]);
});

describe("precedence", () => {
  test("a variable wins over the file, and an empty one is none", async () => {
    const text = "server: { port: 81 }";
    expect((await load({ OLLA_SERVER_PORT: "82" }, text)).config?.server.port).toBe(82);
    expect((await load({ OLLA_SERVER_PORT: "" }, text)).config?.server.port).toBe(81);
  });

  test("OLLA_LOGGING_LEVEL wins over its short name", async () => {
    const both = await load({ OLLA_LOG_LEVEL: "debug", OLLA_LOGGING_LEVEL: "error" });
    expect(both.config?.logging.level).toBe("error");
    expect((await load({ OLLA_LOG_LEVEL: "debug" })).config?.logging.level).toBe("debug");
  });

  test("a wrong value in the file stays an error under a right variable", async () => {
    const loaded = await load({ OLLA_SERVER_PORT: "82" }, "server:\n  port: many\n");
    expect(loaded.config).toBeUndefined();
    expect(loaded.problems[0]).toMatchObject({ file: "olla.yaml", line: 2, path: "server.port" });
  });
});

describe("a variable that nothing reads", () => {
  test("is pointed out when it looks like a slip", async () => {
    const { problems } = await load({ OLLA_SERVER_PROT: "1" });
    expect(problems.map(formatProblem)).toEqual([
      "OLLA_SERVER_PROT  nothing reads this variable; did you mean OLLA_SERVER_PORT?",
    ]);
  });

  test("is left alone when it is Kubernetes's, read elsewhere or somebody else's", async () => {
    const env = {
      OLLA_SERVICE_HOST: "10.0.0.1",
      OLLA_SERVICE_PORT: "40114",
      OLLA_PORT: "tcp://10.0.0.1:40114",
      OLLA_PORT_40114_TCP: "tcp://10.0.0.1:40114",
      OLLA_CONFIG_DIR: "/x",
      OLLA_LOG_DIR: "./logs",
      OLLA_LOG_SIZE_MB: "1",
      OLLA_LOG_MAX_BACKUPS: "7",
      OLLA_LOG_MAX_AGE_DAYS: "14",
      OLLA_FORCE_COLORS: "true",
      OLLA_TEAM_KEY: "x",
      OLLAMA_HOST: "x",
    };
    expect((await load(env)).problems).toEqual([]);
  });

  test("but once did something is said to do nothing, with what to set in its place", async () => {
    const { config, problems } = await load({ OLLA_PRETTY_LOGS: "false", OLLA_ENABLE_PROFILER: "true" });
    expect(config).toBeDefined();
    expect(problems.map(({ severity, kind }) => [severity, kind])).toEqual([
      ["warning", "inert"],
      ["warning", "inert"],
    ]);
    expect(problems.map(formatProblem).join("\n")).toMatch(
      /OLLA_ENABLE_PROFILER {2}has no effect; .*--inspect.*\nOLLA_PRETTY_LOGS {2}has no effect; .*OLLA_LOGGING_FORMAT/s,
    );
    expect((await load({ OLLA_PRETTY_LOGS: "", OLLA_THEME: "" })).problems).toEqual([]);
  });
});
