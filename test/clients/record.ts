// Records what the pinned programs send, for tests of the translators: `bun test/clients/record.ts`.
// Prompts are the programs' own texts, so only their beginnings are kept; the structure is whole.
import { join } from "node:path";
import type { Answer } from "./support/answer.ts";
import { askClaudeCode } from "./support/ask-claude-code.ts";
import { askCodex } from "./support/ask-codex.ts";
import { askOpencode, bundledProviders } from "./support/ask-opencode.ts";
import { model, type Reach } from "./support/fleet.ts";
import { onePixel } from "./support/one-pixel.ts";
import { SubtaskModel } from "./support/parallel-subtasks.ts";
import { type ClientName, ensureClient, versionOf } from "./support/programs.ts";
import { type Script, ScriptedEndpoint, type Seen } from "./support/scripted-endpoint.ts";
import type { ToolCall, Turn } from "./support/turn.ts";
import { Workplace } from "./support/workplace.ts";

const keptCharacters = 120;

/** What a translator reads rather than hands on. */
const wholeKeys: readonly string[] = ["data", "image_url", "url", "arguments", "anthropic-beta", "user_id"];

const secretHeaders = ["authorization", "x-api-key", "host", "content-length"];

/** Same ids and paths in every recording, so that a new one shows what really changed. */
function anonymise(text: string, place: Workplace): string {
  const numbers = new Map<string, number>();
  return text
    .replaceAll(place.work, "/work")
    .replaceAll(place.home, "/home/user")
    .replaceAll(place.temporary, "/tmp")
    .replaceAll(/127\.0\.0\.1:\d+/g, "olla.test")
    .replaceAll(
      /\b(?:[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b/g,
      (id) => {
        const number = numbers.get(id) ?? numbers.size + 1;
        numbers.set(id, number);
        return `id-${number}`;
      },
    );
}

function shorten(value: unknown): unknown {
  if (typeof value === "string") {
    if (value.length <= keptCharacters) return value;
    return `${value.slice(0, keptCharacters)}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return value.map(shorten);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const isWhole = wholeKeys.includes(key);
      return [key, isWhole ? each : shorten(each)];
    }),
  );
}

function render(seen: Seen, place: Workplace): string {
  const headers = seen.headers.filter(([name]) => !secretHeaders.includes(name.toLowerCase()));
  const { method, target, body } = seen;
  const record = { method, target, headers: Object.fromEntries(headers), body };
  const sameEverywhere = anonymise(JSON.stringify(record), place);
  return `${JSON.stringify(shorten(JSON.parse(sameEverywhere)))}\n`;
}

/** A conversation's last request holds all of the earlier ones; the second of several agents is a subagent's. */
function keep(scene: Scene, all: readonly Seen[]): readonly Seen[] {
  const asks = all.filter((seen) => seen.body !== undefined);
  const kept = scene.name === "subtasks" ? [asks[1], asks.at(-1)] : [asks.at(-1)];
  return all.filter((seen) => seen.body === undefined || kept.includes(seen));
}

interface Scene {
  readonly client: ClientName;
  readonly name: string;
  script(place: Workplace): Script;
  run(reach: Reach, place: Workplace): Promise<unknown>;
}

async function recordScene(scene: Scene): Promise<void> {
  await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
  await Bun.write(join(place.work, "pixel.png"), onePixel);
  await using endpoint = new ScriptedEndpoint({
    models: [model],
    speaks: ["chat", "messages", "responses"],
    script: scene.script(place),
  });
  const reach = {
    anthropicUrl: `${endpoint.url}/olla/anthropic`,
    openaiUrl: `${endpoint.url}/olla/openai/v1`,
  };
  await scene.run(reach, place);
  const folder = join(import.meta.dir, "recorded", `${scene.client}-${versionOf(scene.client)}`);
  const lines = keep(scene, endpoint.seen).map((seen) => render(seen, place));
  await Bun.write(join(folder, `${scene.name}.jsonl`), lines.join(""));
  console.log(`${scene.client} ${scene.name}: ${endpoint.seen.length} requests`);
}

/** Asks for one round of tools after the other, then is content. */
function rounds(...calls: readonly (readonly Omit<ToolCall, "id">[])[]): Script {
  return (turn: Turn): Answer => {
    const done = new Set(turn.results.map((result) => result.callId.split("_")[1])).size;
    const next = calls[done];
    if (next === undefined) return { reasoning: "All is known.", text: "That is all." };
    return {
      reasoning: "Tools are needed.",
      text: `Round ${done + 1}.`,
      calls: next.map((call, index) => ({ id: `call_${done + 1}_${index + 1}`, ...call })),
    };
  };
}

const claude = await ensureClient("claude-code");
const codex = await ensureClient("codex");
const opencode = await ensureClient("opencode");

const scenes: Scene[] = [
  {
    client: "claude-code",
    name: "tools",
    script: (place) =>
      rounds(
        [
          { name: "Read", input: { file_path: join(place.work, "secret.txt") } },
          { name: "Read", input: { file_path: join(place.work, "pixel.png") } },
        ],
        [
          { name: "Bash", input: { command: "ls /nowhere", description: "List a folder" } },
          { name: "ToolSearch", input: { query: "select:WebFetch", max_results: 1 } },
        ],
      ),
    run: (reach, place) =>
      askClaudeCode(claude, reach, place, "Look around.", "--allowedTools", "Read,Bash,ToolSearch"),
  },
  {
    client: "claude-code",
    name: "subtasks",
    script: () => {
      const subtasks = new SubtaskModel();
      const delegate = rounds(
        subtasks.words.map((word) => ({
          name: "Agent",
          input: {
            description: `Count ${word}`,
            prompt: subtasks.prompt(word),
            subagent_type: "general-purpose",
            run_in_background: false,
          },
        })),
      );
      return async (turn) => (await subtasks.answer(turn)) ?? (await delegate(turn));
    },
    run: (reach, place) => askClaudeCode(claude, reach, place, "Let two agents count letters."),
  },
  {
    client: "claude-code",
    name: "structured",
    script: () => (turn) => {
      const call = { id: "call_1_1", name: "StructuredOutput", input: { word: "heron" } };
      return turn.results.length > 0 ? { text: "Done." } : { calls: [call] };
    },
    run: (reach, place) =>
      askClaudeCode(
        claude,
        reach,
        place,
        "Which word?",
        "--json-schema",
        '{"type":"object","properties":{"word":{"type":"string"}},"required":["word"]}',
      ),
  },
  {
    client: "codex",
    name: "tools",
    script: (place) =>
      rounds(
        [
          { name: "exec_command", input: { cmd: "cat secret.txt" } },
          { name: "exec_command", input: { cmd: "ls /nowhere" } },
        ],
        [{ name: "view_image", input: { path: join(place.work, "pixel.png") } }],
      ),
    run: (reach, place) => askCodex(codex, reach, place, "Look around."),
  },
  {
    client: "codex",
    name: "subtasks",
    script: () => {
      const subtasks = new SubtaskModel();
      const delegate = rounds(
        subtasks.words.map((word) => ({
          name: "multi_agent_v1.spawn_agent",
          input: { message: subtasks.prompt(word) },
        })),
      );
      return async (turn) => (await subtasks.answer(turn)) ?? (await delegate(turn));
    },
    run: (reach, place) => askCodex(codex, reach, place, "Let two agents count letters."),
  },
  {
    client: "codex",
    name: "websocket",
    script: () => () => ({ text: "Hello." }),
    run: (reach, place) =>
      askCodex(codex, reach, place, "-c", "model_providers.olla.supports_websockets=true", "Hello?"),
  },
  {
    client: "codex",
    name: "structured",
    script: () => () => ({ text: '{"word":"heron"}' }),
    run: async (reach, place) => {
      const properties = { word: { type: "string" } };
      const schema = { type: "object", properties, required: ["word"], additionalProperties: false };
      await place.write("work/schema.json", JSON.stringify(schema));
      return await askCodex(codex, reach, place, "--output-schema", "schema.json", "Which word?");
    },
  },
  ...bundledProviders.map(
    (provider): Scene => ({
      client: "opencode",
      name: provider.slice("@ai-sdk/".length),
      script: (place) =>
        rounds(
          [
            { name: "read", input: { filePath: join(place.work, "secret.txt") } },
            { name: "bash", input: { command: "ls /nowhere", description: "List a folder" } },
          ],
          [{ name: "read", input: { filePath: join(place.work, "pixel.png") } }],
        ),
      run: (reach, place) => askOpencode(opencode, reach, place, { provider, prompt: "Look around." }),
    }),
  ),
];

const installed = [claude, codex, opencode].filter((client) => client.isInstalled).map(({ name }) => name);
for (const scene of scenes) {
  if (installed.includes(scene.client as (typeof installed)[number])) await recordScene(scene);
  else console.log(`${scene.client} ${scene.name}: not installed`);
}
