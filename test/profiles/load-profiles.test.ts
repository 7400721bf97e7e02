import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatProblem } from "../../src/config/problem.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { loadProfiles } from "../../src/profiles/load.ts";
import { findForeignKeys } from "../../src/profiles/unknown-keys.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A profile folder with the given files; returns the folder. */
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "olla-profiles-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function load(files: Record<string, string>, filter?: { include?: string[]; exclude?: string[] }) {
  const folder = folderWith(files);
  const { profiles, problems } = loadProfiles({ folder, ...(filter === undefined ? {} : { filter }) });
  const lines = problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ""));
  return { profiles, lines };
}

const shipped = new Bun.Glob("*.yaml").scanSync({ cwd: join(import.meta.dir, "../../profiles") });

describe("shipped profiles", () => {
  test.each([...shipped])("%s has only keys that the schema reads", async (name) => {
    const file: { default: unknown } = await import(`../../profiles/${name}`);
    expect(findForeignKeys(file.default)).toEqual([]);
  });

  test("every file of the folder is embedded, and every listed path is served", () => {
    const files = readdirSync(join(import.meta.dir, "../../profiles"));
    expect(builtinProfiles()).toHaveLength(files.length);
    for (const profile of builtinProfiles()) {
      expect(profile.paths).toContain(profile.modelDiscoveryPath);
      for (const listing of profile.listings) expect(profile.paths).toContain(listing.path);
      expect(new Set(profile.paths).size).toBe(profile.paths.length);
    }
  });

  test("the kinds have the specified health path, list and format", () => {
    const seen = builtinProfiles().map((profile) => [
      profile.name,
      profile.healthCheckPath,
      profile.modelDiscoveryPath,
      profile.listFormat,
      profile.maxConcurrentRequests,
      profile.openaiCompatible,
    ]);
    expect(seen).toEqual([
      ["ollama", "/", "/api/tags", "ollama", 10, true],
      ["llamacpp", "/health", "/v1/models", "llamacpp", 4, true],
      ["lm-studio", "/v1/models", "/api/v0/models", "lmstudio", 1, true],
      ["vllm", "/health", "/v1/models", "vllm", 100, true],
      ["omlx", "/health", "/v1/models", "openai", 4, true],
      ["vllm-mlx", "/health", "/v1/models", "vllm-mlx", 20, true],
      ["sglang", "/health", "/v1/models", "sglang", 150, true],
      ["lmdeploy", "/health", "/v1/models", "lmdeploy", 100, true],
      ["lemonade", "/api/v1/health", "/api/v1/models", "lemonade", 100, true],
      // LiteLLM's /health asks every model behind it, for money.
      ["litellm", "/health/liveness", "/v1/models", "openai", 100, true],
      ["docker-model-runner", "/engines/v1/models", "/engines/v1/models", "docker-model-runner", 8, true],
      ["openai-compatible", "/v1/models", "/v1/models", "openai", 20, true],
    ]);
  });

  test("kinds that load models on demand wait an hour for the first byte", () => {
    const { profiles } = loadProfiles({ folder: "/nonexistent" });
    const patient = profiles.all.filter(({ timeouts }) => timeouts.responseHeaderMs === 3_600_000);
    expect(patient.map(({ name }) => name).sort()).toEqual([
      "docker-model-runner",
      "lemonade",
      "llamacpp",
      "lm-studio",
      "ollama",
      "omlx",
    ]);
    expect(profiles.byName("vllm")?.timeouts).toEqual({});
  });
});

describe("a user's profile folder", () => {
  test("need not exist", () => {
    const { profiles, problems } = loadProfiles({ folder: "/nonexistent/profiles" });
    expect(profiles.names()).toEqual([
      "docker-model-runner",
      "lemonade",
      "litellm",
      "llamacpp",
      "lm-studio",
      "lmdeploy",
      "ollama",
      "omlx",
      "openai-compatible",
      "sglang",
      "vllm",
      "vllm-mlx",
    ]);
    expect(problems).toEqual([]);
  });

  test("that is a file is a warning", () => {
    const folder = folderWith({ plain: "" });
    const { problems } = loadProfiles({ folder: join(folder, "plain") });
    expect(problems.map((problem) => problem.message)).toEqual(["cannot be read: ENOTDIR"]);
  });

  test("replaces a built-in wholly and keeps its place", () => {
    const { profiles, lines } = load({ "ollama.yaml": "name: ollama\nrouting:\n  prefixes: [ollama, ai]\n" });
    expect(lines).toEqual([]);
    expect(profiles.all[0]?.name).toBe("ollama");
    expect(profiles.byPrefix("ai")).toMatchObject({
      name: "ollama",
      listFormat: "openai",
      healthCheckPath: "/",
      modelDiscoveryPath: "/v1/models",
      openaiCompatible: false,
      listings: [],
      paths: [],
    });
  });

  test("is read in lexical order, subfolders included, and the last of one name wins with a warning", () => {
    const { profiles, lines } = load({
      "b/first.yaml": "name: mine\ndisplay_name: B",
      "a.yaml": "name: mine\ndisplay_name: A",
      "c.yml": "name: ignored",
      "notes.txt": "no profile",
    });
    expect(profiles.byName("mine")?.displayName).toBe("B");
    expect(profiles.byName("ignored")).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("b/first.yaml");
    expect(lines[0]).toContain("a.yaml; this file wins");
  });

  test("without a name is skipped with its position", () => {
    const { profiles, lines } = load({ "x.yaml": "display_name: Nameless\n", "y.yaml": "name: fine\n" });
    expect(profiles.byName("fine")).toBeDefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^x\.yaml:1:1 {2}name: .*; profile skipped$/);
  });

  test("with broken YAML or no mapping is skipped with its position", () => {
    const { profiles, lines } = load({
      "broken.yaml": "name: broken\napi:\n  paths: [unclosed\n",
      "double.yaml": "name: double\nname: again\n",
      "list.yaml": "- name: list\n",
      "void.yaml": "",
    });
    expect(profiles.names()).toHaveLength(builtinProfiles().length);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^broken\.yaml:\d+:\d+ {2}/);
    expect(lines[1]).toMatch(/^double\.yaml:2:1 {2}/);
    expect(lines[2]).toBe("list.yaml:1:1  expected a mapping; profile skipped");
  });

  test("with a wrong type is skipped, naming file, position and key", () => {
    const { profiles, lines } = load({
      "x.yaml":
        "name: x\napi:\n  openai_compatible: perhaps\n  listings:\n    - {path: models, format: xml}\n",
    });
    expect(profiles.byName("x")).toBeUndefined();
    expect(lines.map((line) => line.split("  ")[0])).toEqual(["x.yaml:3:3", "x.yaml:5:8", "x.yaml:5:22"]);
    expect(lines[0]).toContain("api.openai_compatible");
    expect(lines[1]).toContain("api.listings[0].path");
  });

  test("with an unknown key loads, and the nearest key is named", () => {
    const { profiles, lines } = load({
      "x.yaml": "name: x\napi:\n  helth_check_path: /up\n  paths: [/x]\nnonsense: 1\n",
    });
    expect(profiles.byName("x")?.paths).toEqual(["/x"]);
    expect(lines).toEqual([
      'x.yaml:3:3  api.helth_check_path: unknown key, did you mean "health_check_path"?',
      "x.yaml:5:1  nonsense: unknown key",
    ]);
  });

  test("written for the reference loads without a word", () => {
    const { profiles, lines } = load({
      "sglang.yaml": [
        "name: sglang",
        'version: "1.0"',
        "home: https://github.com/sgl-project/sglang",
        "routing: {prefixes: [sglang]}",
        "api:",
        "  openai_compatible: true",
        "  metrics_path: /metrics",
        "  anthropic_support: {enabled: true, messages_path: /v1/messages}",
        "  paths: [/health, /v1/models]",
        "  model_discovery_path: /v1/models",
        "  health_check_path: /health",
        "characteristics: {timeout: 2m, max_concurrent_requests: 150, auth: {required: false}}",
        "detection: {default_ports: [30000], response_headers: [X-SGLang-Version]}",
        'models: {name_format: "{{.Name}}", capability_patterns: {chat: ["*"]}}',
        "request: {response_format: sglang, parsing_rules: {model_field_name: model}}",
        "path_indices: {health: 0, sleeping: 7}",
        "resources: {defaults: {min_memory_gb: 6}}",
        "features: {radix_attention: {enabled: true}}",
        "aliases:",
      ].join("\n"),
    });
    expect(lines).toEqual([]);
    expect(profiles.byPrefix("sglang")).toMatchObject({
      listFormat: "sglang",
      headerMarks: [{ name: "X-SGLang-Version" }],
      maxConcurrentRequests: 150,
      defaultPorts: [30_000],
      listings: [{ path: "/v1/models", format: "openai" }],
    });
  });

  test("says by which marks its kind is known, headers as text or as YAML makes of them", () => {
    const { profiles, lines } = load({
      "x.yaml": [
        "name: x",
        "detection:",
        "  owned_by: [xserve]",
        "  headers: [X-Serve-Version, 'Server: xserve/2']",
        "  response_headers:",
        "    - Via: xgate",
        "  probes: [{path: /ping, contains: pong}]",
      ].join("\n"),
      "y.yaml": "name: y\ndetection: {headers: [5], probes: [{path: ping, contains: pong}]}\n",
    });
    expect(profiles.byName("x")).toMatchObject({
      ownerMarks: ["xserve"],
      headerMarks: [
        { name: "X-Serve-Version" },
        { name: "Server", value: "xserve/2" },
        { name: "Via", value: "xgate" },
      ],
      probes: [{ path: "/ping", contains: "pong" }],
    });
    expect(profiles.byName("y")).toBeUndefined();
    expect(lines.every((line) => line.startsWith("y.yaml:2:"))).toBe(true);
    expect(lines[0]).toContain('expected a header such as "Server: llama.cpp"');
  });

  test("gets its native list route where it names none", () => {
    const { profiles } = load({
      "x.yaml":
        "name: x\napi: {openai_compatible: true, model_discovery_path: /api/v1/models}\nrequest: {response_format: vllm}",
    });
    expect(profiles.byName("x")?.listings).toEqual([
      { path: "/api/v1/models", format: "vllm" },
      { path: "/v1/models", format: "openai" },
    ]);
  });

  test("with an unquoted comma in a text: what follows it is an unknown key", () => {
    const { profiles, lines } = load({
      "x.yaml": "name: x\napi:\n  unsupported:\n    - { path: /x, reason: one, and more }\n",
    });
    expect(profiles.byName("x")?.unsupportedPaths).toEqual([{ path: "/x", reason: "one" }]);
    expect(lines).toEqual(["x.yaml:4:32  api.unsupported[0].and more: unknown key"]);
  });

  test("with an unknown list format is read as OpenAI's, with a warning", () => {
    const { profiles, lines } = load({ "x.yaml": "name: x\nrequest:\n  response_format: olama\n" });
    expect(profiles.byName("x")?.listFormat).toBe("openai");
    expect(lines).toEqual([
      'x.yaml:3:3  request.response_format: unknown format "olama", did you mean "ollama"?; read as openai',
    ]);
  });

  test("reads durations, and refuses what is none", () => {
    const { profiles, lines } = load({
      "a.yaml": "name: a\ntimeouts: {connect: 3s, response_header: 1h30m, read: 0}\n",
      "b.yaml": "name: b\ntimeouts:\n  read: 30\n",
    });
    expect(profiles.byName("a")?.timeouts).toEqual({
      connectMs: 3000,
      responseHeaderMs: 5_400_000,
      readMs: 0,
    });
    expect(profiles.byName("b")).toBeUndefined();
    expect(lines).toEqual(['b.yaml:3:3  timeouts.read: expected a duration such as "60m"; profile skipped']);
  });

  test("does not get a prefix that is taken", () => {
    const { profiles, lines } = load({ "x.yaml": "name: x\nrouting: {prefixes: [ollama, mine]}\n" });
    expect(profiles.byPrefix("ollama")?.name).toBe("ollama");
    expect(profiles.byPrefix("mine")?.name).toBe("x");
    expect(lines).toEqual([
      'x.yaml  routing.prefixes: "ollama" belongs to "ollama" already; "x" does not get it',
    ]);
  });

  test("is filtered together with the built-in profiles", () => {
    const files = { "mine.yaml": "name: lm-mine\n" };
    expect(
      load(files, { include: ["*lm*"], exclude: ["lm-studio", "litellm", "lmdeploy"] }).profiles.names(),
    ).toEqual(["lm-mine", "vllm", "vllm-mlx"]);
  });
});
