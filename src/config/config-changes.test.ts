import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { compareConfigs, isUnchanged, restartKeys, withoutRestart } from "./config-changes.ts";
import { loadConfig } from "./load.ts";
import { joinPath } from "./problem.ts";
import type { Config } from "./schema.ts";

async function configOf(settings: object): Promise<Config> {
  const { config, problems } = await loadConfig({
    path: "olla.yaml",
    env: {},
    cwd: "/",
    readFile: async () => JSON.stringify(settings),
  });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

const endpoints = (...entries: object[]) => ({ discovery: { static: { endpoints: entries } } });
const box = { name: "box", url: "http://10.0.0.1:1" };
const keyNamed = (name: string, text: string) => ({
  name,
  hash: `sha256:${createHash("sha256").update(text).digest("hex")}`,
});

describe("what changed", () => {
  test("is nothing between two readings of one file, secrets included", async () => {
    const settings = {
      ...endpoints({ ...box, auth: { type: "bearer", token: "a-secret" }, headers: { "X-One": "two" } }),
      server: { admin: { key: "a-secret-of-16-characters" } },
      auth: { keys: [keyNamed("one", "a")] },
    };
    const changes = compareConfigs(await configOf(settings), await configOf(settings));
    expect(isUnchanged(changes)).toBe(true);
    expect(changes.endpoints.unchanged).toBe(1);
  });

  test("of endpoints is told by name, with the keys and never with what they hold", async () => {
    const token = (value: string) => ({ auth: { type: "bearer", token: value } });
    const before = await configOf(
      endpoints({ ...box, ...token("canary-1") }, { ...box, name: "gone", url: "http://10.0.0.2:1" }),
    );
    const after = await configOf(
      endpoints(
        { ...box, ...token("canary-2"), headers: { "X-New": "canary-3" } },
        { ...box, name: "new", url: "http://10.0.0.3:1" },
      ),
    );
    const changes = compareConfigs(before, after);
    expect(changes.endpoints).toEqual({
      added: ["new"],
      removed: ["gone"],
      changed: [{ name: "box", keys: ["headers.X-New", "auth.value"] }],
      unchanged: 0,
    });
    expect(JSON.stringify(changes)).not.toContain("canary");
  });

  test("of client keys is told by name, another hash included", async () => {
    const before = await configOf({ auth: { keys: [keyNamed("one", "a"), keyNamed("two", "b")] } });
    const after = await configOf({ auth: { keys: [keyNamed("one", "other"), keyNamed("three", "c")] } });
    expect(compareConfigs(before, after).clientKeys).toEqual({
      added: ["three"],
      removed: ["two"],
      changed: [{ name: "one", keys: ["hash"] }],
      unchanged: 0,
    });
  });

  test("elsewhere is told by key, with both values", async () => {
    const before = await configOf({ model_aliases: { fast: ["a"] } });
    const after = await configOf({ model_aliases: { fast: ["a", "b"] }, proxy: { engine: "olla" } });
    expect(compareConfigs(before, after).values).toEqual([
      { path: "proxy.engine", before: "sherpa", after: "olla" },
      { path: "model_aliases.fast", before: ["a"], after: ["a", "b"] },
    ]);
  });
});

describe("what takes a restart", () => {
  test("is the listener and the form of the log", () => {
    expect(restartKeys().map(joinPath)).toEqual([
      "server.host",
      "server.port",
      "server.idle_timeout",
      "server.tls.cert",
      "server.tls.key",
      "server.tls.min_version",
      "server.tls.client_ca",
      "server.admin.port",
      "logging.format",
      "logging.output",
    ]);
  });

  test("stays as it is while the rest is taken over", async () => {
    const running = await configOf({});
    const wanted = await configOf({
      server: { port: 1234, admin: { port: 4321 }, read_timeout: "9s" },
      logging: { format: "text", level: "warn" },
    });
    const { config, waiting } = withoutRestart(wanted, running);
    expect(waiting).toEqual(["server.port", "server.admin.port", "logging.format"]);
    expect(config.server).toMatchObject({ port: 40114, read_timeout: 9_000 });
    expect(config.server.admin.port).toBeUndefined();
    expect(config.logging).toMatchObject({ format: "json", level: "warn" });
  });
});
