// docs/profiles.md: its table names every key of the schema, and its example works as it stands there.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { figureNames } from "../../src/observe/metrics-record.ts";
import { fleetAnswers, listFormats, loadedFormats } from "../../src/profiles/profile.ts";
import { profileSchema } from "../../src/profiles/schema.ts";
import { readSse } from "../support/read-sse.ts";
import { type Behaviour, type Exchange, SocketServer } from "../support/socket-server.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/profiles.md")).text();
const [, example = ""] = /```yml\n([\s\S]*?)```/.exec(page) ?? [];

interface SchemaNode {
  readonly type: string;
  readonly wrapped?: SchemaNode;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
}

/** Every key that is no mapping itself, with its default as the table writes it. */
function keysOf(
  node: SchemaNode,
  path: string,
  initial?: unknown,
): [key: string, initial: string | undefined][] {
  if (node.wrapped !== undefined) return keysOf(node.wrapped, path, node.default);
  if (node.entries === undefined) {
    return [[path, initial === undefined ? undefined : `\`${format(initial)}\``]];
  }
  const start = path === "" ? "" : `${path}.`;
  return Object.entries(node.entries).flatMap(([key, child]) => keysOf(child, `${start}${key}`));
}

function format(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

test("the table has every key of the schema, with its default, and no other", () => {
  const documented = [...page.matchAll(/^\| `([\w.]+)` \| (.*?) ?\| /gm)].map(([, key, initial]) => [
    key,
    initial,
  ]);
  const keys = keysOf(profileSchema as unknown as SchemaNode, "");
  expect(keys.length).toBeGreaterThan(25);
  expect(documented.map(([key]) => key).sort()).toEqual(keys.map(([key]) => key).sort());
  for (const [key, initial] of keys) {
    // Where the schema has none, the table says in words what happens.
    if (initial !== undefined) expect(documented).toContainEqual([key, initial]);
  }
});

test("the page names every format, answer and figure that there is", () => {
  const names = [...listFormats, ...loadedFormats, ...fleetAnswers, ...figureNames];
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

const burn = { prompt: 11, generated: { fresh: 3, "re-heated": 1 }, times: [250, 2] };
const list = { data: [{ id: "clay-7b", object: "model", owned_by: "kiln", max_model_len: 8192 }] };

/** A server that nobody has heard of. */
function startKiln(asked: string[]): SocketServer {
  const answers: Readonly<Record<string, Behaviour>> = {
    "GET /api/ready": (exchange) => exchange.respondJson({ is: "kiln" }),
    "GET /api/catalog": (exchange) => exchange.respondJson(list, 200, { Server: "kiln/0.3" }),
    "POST /api/v1/chat/completions": answerChat,
    "POST /api/v1/embeddings": (exchange) =>
      exchange.respondJson({ object: "list", model: "clay-7b", data: [{ index: 0, embedding: [0.5] }] }),
    "POST /api/fire": (exchange) => exchange.respondJson({ hot: true }),
  };
  return new SocketServer((exchange) => {
    const question = `${exchange.method} ${exchange.target}`;
    asked.push(question);
    return (answers[question] ?? ((unknown) => unknown.respondJson({ oops: question }, 404)))(exchange);
  });
}

async function answerChat(exchange: Exchange): Promise<void> {
  const message = { index: 0, finish_reason: "stop", message: { role: "assistant", content: "warm" } };
  if (!exchange.text.includes('"stream":true')) {
    await exchange.respondJson({ model: "clay-7b", choices: [message], burn });
    return;
  }
  const event = (value: unknown) => exchange.chunk(`data: ${JSON.stringify(value)}\n\n`);
  await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
  await event({ model: "clay-7b", choices: [{ index: 0, delta: { content: "warm" } }] });
  await event({ model: "clay-7b", choices: [{ index: 0, delta: {}, finish_reason: "stop" }], burn });
  await exchange.chunk("data: [DONE]\n\n");
  await exchange.endChunked();
}

test("the example finds, lists, chats with, embeds by and reads the figures of a server that nobody knows", async () => {
  const asked: string[] = [];
  await using kiln = startKiln(asked);
  await using olla = await spawnOlla(
    { endpoints: [{ name: "cellar", url: kiln.url, type: "auto", check_interval: "1s" }] },
    undefined,
    {},
    { "config/profiles/kiln.yaml": example },
  );
  expect(olla.output()).not.toContain("kiln.yaml");

  const read = async (path: string) => (await fetch(`${olla.url}${path}`)).json();
  expect(await read("/internal/status/endpoints")).toMatchObject({
    endpoints: [{ name: "cellar", type: "kiln", status: "healthy", model_count: 1 }],
  });
  await waitUntil(() => asked.includes("GET /api/ready"), { what: "the next check asks Kiln's own path" });
  for (const path of ["/olla/kiln/api/catalog", "/olla/kiln/v1/models", "/olla/openai/v1/models"]) {
    expect(await read(path)).toMatchObject({ data: [{ id: "clay-7b" }] });
  }

  const post = (path: string, body: object) =>
    fetch(`${olla.url}${path}`, { method: "POST", body: JSON.stringify({ model: "clay-7b", ...body }) });
  const figures = {
    input_tokens: 11,
    output_tokens: 4,
    total_tokens: 15,
    tokens_per_sec: 2,
    generation_ms: 2000,
    prompt_ms: 250,
    provider_model: "clay-7b",
    finish_reason: "stop",
  };
  const lastLine = async (count: number) =>
    (await waitUntil(() => olla.accessLog().filter(isPost)[count - 1])) ?? {};
  const isPost = ({ method }: Record<string, unknown>) => method === "POST";

  const chat = await post("/olla/kiln/v1/chat/completions", {});
  expect(chat.headers.get("x-olla-backend-type")).toBe("kiln");
  expect(await chat.json()).toMatchObject({ choices: [{ message: { content: "warm" } }] });
  expect(await lastLine(1)).toMatchObject({ endpoint: "cellar", ...figures });

  const stream = await post("/olla/openai/v1/chat/completions", { stream: true });
  const events: string[] = [];
  for await (const { data } of readSse(stream.body)) events.push(data);
  expect(events).toHaveLength(3);
  expect(await lastLine(2)).toMatchObject(figures);

  expect(await (await post("/olla/kiln/v1/embeddings", {})).json()).toMatchObject({
    data: [{ embedding: [0.5] }],
  });
  expect(await (await post("/olla/kiln/api/fire", {})).json()).toEqual({ hot: true });
  const shutdown = await post("/olla/kiln/api/shutdown", {});
  expect(shutdown.status).toBe(501);
  expect(await shutdown.text()).toContain("stops one server, and Olla cannot know which");
  expect(asked).not.toContain("POST /api/shutdown");
  expect(await read("/internal/status/endpoints")).toMatchObject({
    endpoints: [{ tokens: { requests: 2, input: 22, output: 8, cached: 0 } }],
  });
});
