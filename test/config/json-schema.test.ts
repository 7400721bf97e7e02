// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are part of what is tested here
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Ajv } from "ajv";
import * as v from "valibot";
import { parse } from "yaml";
import { renderSchemas } from "../../scripts/generate-schemas.ts";
import { type ListedKey, listKeys, withValueAt } from "../../src/config/key-list.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configSchema } from "../../src/config/schema.ts";
import { keepText } from "../../src/config/tree-walk.ts";
import { findUnknownKeys } from "../../src/profiles/unknown-keys.ts";

const root = join(import.meta.dir, "../..");
const rendered = await renderSchemas();

/** What a schema has to say against a text in YAML; undefined for nothing. */
function objectTo(name: "config" | "profile" | "models") {
  // Strict: a word of the schema that means nothing would be a check that does nothing.
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
  ajv.addKeyword("deprecationMessage");
  const validate = ajv.compile(JSON.parse(rendered[`schema/${name}.schema.json`] ?? ""));
  return (text: string): string[] => {
    validate(parse(text, { merge: true }) ?? {});
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

const againstConfig = objectTo("config");
const againstProfile = objectTo("profile");
const againstModels = objectTo("models");

async function textsOf(pattern: string): Promise<{ readonly path: string; readonly text: string }[]> {
  const paths = [...new Bun.Glob(pattern).scanSync({ cwd: root })].sort();
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await Bun.file(join(root, path)).text() })),
  );
}

function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, block = ""]) => block,
  );
}

test("docs/schema holds what the schemas say (else: bun scripts/generate-schemas.ts)", async () => {
  for (const [path, text] of Object.entries(rendered)) {
    expect(await Bun.file(join(root, "docs", path)).text()).toBe(text);
  }
});

describe("the schemas take", () => {
  test("every configuration of the README and the pages", async () => {
    const pages = [...(await textsOf("*.md")), ...(await textsOf("docs/*.md"))];
    const blocks = pages.flatMap(({ path, text }) =>
      blocksOf(text, "yaml").map((block) => ({ path, block })),
    );
    expect(blocks.length).toBeGreaterThan(20);
    for (const { path, block } of blocks) expect([path, ...againstConfig(block)]).toEqual([path]);
  });

  test("every example, and every configuration among the fixtures that loads", async () => {
    const examples = [...(await textsOf("docs/*.yaml")), ...(await textsOf("test/fixtures/**/*.yaml"))];
    const taken: string[] = [];
    for (const { path, text } of examples) {
      const { config, problems } = await loadConfig({ path, env: {}, cwd: root });
      if (config === undefined || problems.some(({ kind }) => kind === "unknown-key")) continue;
      expect([path, ...againstConfig(text)]).toEqual([path]);
      taken.push(path);
    }
    expect(taken).toContain("docs/config.example.yaml");
  });

  test("every profile, and the one that the page writes", async () => {
    const profiles = await textsOf("profiles/*.yaml");
    expect(profiles.length).toBeGreaterThan(10);
    const page = await Bun.file(join(root, "docs/profiles.md")).text();
    const [example = ""] = blocksOf(page, "yml");
    expect(example).toContain("name: kiln");
    for (const { path, text } of [...profiles, { path: "docs/profiles.md", text: example }]) {
      expect([path, ...againstProfile(text)]).toEqual([path]);
    }
  });

  test("the naming table", async () => {
    expect(againstModels(await Bun.file(join(root, "naming/models.yaml")).text())).toEqual([]);
  });

  test("keys with nothing behind them, references to variables, and the words that Go takes for truth", () => {
    const text = [
      "server: { port: , request_logging: yes, cors: }",
      "discovery:",
      "  static:",
      "    endpoints:",
      "      - url: http://localhost:11434",
      '        headers: { X-Team: "${TEAM:-none}", X-Number: 7 }',
      '        auth: { type: bearer, token: "${TOKEN}" }',
      "auth: { keys: }",
      "logging: { level: WARNING }",
    ].join("\n");
    expect(againstConfig(text)).toEqual([]);
  });

  test("keys of profiles that only the original reads, as deprecated", () => {
    const text = "name: old\nresources: { defaults: 1 }\ndetection: { path_indicators: [/x] }\n";
    expect(againstProfile(text)).toEqual([]);
    expect(findUnknownKeys(parse(text))).toEqual([]);
    expect(JSON.parse(rendered["schema/profile.schema.json"] ?? "").properties.resources.deprecated).toBe(
      true,
    );
  });
});

describe("the schemas refuse", () => {
  const wrongConfigs = {
    "an unknown key": "server: { prot: 1 }",
    "an unknown section": "sever: {}",
    "a port out of range": "server: { port: 70000 }",
    "a port as a reference": 'server: { port: "${PORT}" }',
    "a duration without a unit": "proxy: { read_timeout: 30 }",
    "a duration in no unit that there is": "proxy: { read_timeout: 30sec }",
    "a size in words": "server: { request_limits: { max_body_size: lots } }",
    "another word than the choices": "proxy: { engine: shepra }",
    "an endpoint without a URL": "discovery: { static: { endpoints: [{ name: a }] } }",
    "an address that is no URL": "discovery: { static: { endpoints: [{ url: gpu-box:8000 }] } }",
    "another kind of auth":
      'discovery: { static: { endpoints: [{ url: "http://a", auth: { type: token } }] } }',
    "a key for clients without a name": "auth: { keys: [{ hash: x }] }",
    "an alias for one model that is no list": "model_aliases: { fast: tiny }",
    "an alias for nothing": "model_aliases: { fast: [] }",
    "a list that is none": "proxy: { retry: { on_status: 503 } }",
    "something in a list that is none of the choices":
      "proxy: { sticky_sessions: { key_sources: [cookie] } }",
  };
  for (const [what, text] of Object.entries(wrongConfigs)) {
    test(`${what}, as the loader does`, async () => {
      expect(againstConfig(text)).not.toEqual([]);
      const loaded = await loadConfig({ path: "wrong.yaml", env: {}, cwd: root, readFile: async () => text });
      expect(loaded.problems).not.toEqual([]);
    });
  }

  test("profiles with unknown keys, formats that nobody knows and times without units", () => {
    for (const text of [
      "display_name: Nameless",
      "name: a\napi: { model_discovery_pth: /v1/models }",
      "name: a\napi: { paths: [v1/models] }",
      "name: a\nrequest: { response_format: vlm }",
      "name: a\ntimeouts: { read: late }",
      "name: a\ndetection: { default_ports: [0] }",
    ]) {
      expect([text, againstProfile(text).length > 0]).toEqual([text, true]);
    }
  });

  test("naming tables with sections that there are not, and rows without a pattern", () => {
    for (const text of [
      "model_extraction: { family_pattern: [] }",
      "capabilities: { name_patterns: [{ capabilities: [vision] }] }",
      "quantization: { mappings: { Q4: 4 } }",
    ]) {
      expect([text, againstModels(text).length > 0]).toEqual([text, true]);
    }
  });
});

describe("schema and loader agree about every key", () => {
  const values: readonly unknown[] = [
    ...[null, true, false, "yes", "Off", 0, 1, -1, 5, 0.5, 1.5, 401, 70_000, 2 ** 31],
    ...["", " ", "text", "0", "30s", "1h30m", "5", "30 s", "64KB", "1.5 MiB", "1 GB", "-1s", "${NAME}"],
    ...[[], ["text"], [""], [401], [7], [null], {}, { name: "text" }, { name: 7 }, { name: ["text"] }],
    ...["http://localhost:1", "olla", "least-connections", "DEBUG", "WARNING", "bearer", "cloud", 1.2],
  ];

  /** Whether the loader takes the value, as far as this one key is concerned. */
  function isTaken(key: ListedKey, value: unknown): boolean {
    const tree = keepText(configSchema, placeValue(key, value), () => undefined);
    const { issues = [] } = v.safeParse(configSchema, tree);
    return !issues.some(({ path = [] }) => {
      const names = path.map((item) => item.key).filter((part) => typeof part === "string");
      return key.parts.every((part, index) => names[index] === part);
    });
  }

  function placeValue(key: ListedKey, value: unknown): unknown {
    if (!key.isInList) return withValueAt({}, key.parts, value);
    const [list = "", inside = ""] = key.path.split("[].");
    return withValueAt({}, list.split("."), [withValueAt({}, inside.split("."), value)]);
  }

  function isObjectedTo(key: ListedKey, value: unknown): boolean {
    const at = `/${key.path.replace("[]", ".0").replaceAll(".", "/")}`;
    return againstConfig(JSON.stringify(placeValue(key, value))).some((objection) =>
      objection.startsWith(at),
    );
  }

  const keys = listKeys(configSchema);

  test("what the loader takes is not objected to", () => {
    // Refused where credentials are read, which is after the schema.
    const readLater = ["discovery.static.endpoints[].auth.type", "auth.keys[].name"];
    const wrong = keys.flatMap((key) =>
      values
        .filter((value) => isTaken(key, value) && isObjectedTo(key, value))
        .map((value) => ({ key: key.path, value })),
    );
    expect(wrong.filter(({ key }) => !readLater.includes(key))).toEqual([]);
  });

  test("what the loader refuses is objected to, but for what takes a function to see", () => {
    const ownForms =
      /(_url|\.name|cidrs|expires|server_name|\.endpoint|host|origins|include|exclude|models)$/;
    const dependsOnOthers = ["server.tls.client_ca", "discovery.model_discovery.concurrent_workers"];
    const missed = keys.flatMap((key) =>
      values
        .filter((value) => !isTaken(key, value) && !isObjectedTo(key, value))
        // Lengths of time and sizes have no order in JSON Schema.
        .filter(
          (value) =>
            !(["duration", "size"].includes(key.metadata.type) && (typeof value === "string" || value === 0)),
        )
        .map((value) => ({ key: key.path, value })),
    );
    expect(missed.filter(({ key }) => !ownForms.test(key) && !dependsOnOthers.includes(key))).toEqual([]);
  });
});

test("editors know of each key what it means, which values it has, and whether it does anything", () => {
  const { properties } = JSON.parse(rendered["schema/config.schema.json"] ?? "");
  expect(properties.server.properties.port).toMatchObject({
    description: "TCP port to listen on. Takes a restart. Variable: OLLA_SERVER_PORT.",
    default: 40114,
    minimum: 1,
    maximum: 65535,
  });
  expect(properties.proxy.properties.engine.enum).toEqual(["sherpa", "olla", null]);
  expect(properties.server.properties.read_header_timeout.deprecated).toBe(true);
  const inert = listKeys(configSchema).filter(({ metadata }) => metadata.status === "inert");
  const marked = (rendered["schema/config.schema.json"]?.match(/"deprecated": true/g) ?? []).length;
  expect(marked).toBe(inert.length);
});
