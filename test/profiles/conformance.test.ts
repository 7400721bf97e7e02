import { afterAll, expect, test } from "bun:test";
import { listingFormats } from "../../src/models/listings/listing-format.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { readSse } from "../support/read-sse.ts";
import { type Behaviour, SocketServer } from "../support/socket-server.ts";
import { startOlla } from "../support/start-olla.ts";
import { answerJson, completionOf, streamTokens } from "../support/upstream-behaviours.ts";
import { loadRecording, replayRecording } from "../support/wire-recording.ts";
import { type BackendAnswers, backends } from "./backend-answers.ts";

const steps = ["found out", "probed", "listed", "chat", "stream", "embed"] as const;
type Step = (typeof steps)[number];
const done = new Map<string, Set<Step>>(backends.map(({ profile }) => [profile, new Set<Step>()]));

afterAll(() => {
  const rows = [...done].map(([profile, passed]) => [
    profile.padEnd(20),
    ...steps.map((step) => (passed.has(step) ? "yes" : "-").padEnd(step.length)),
  ]);
  const head = ["profile".padEnd(20), ...steps];
  process.stdout.write(`\n${[head, ...rows].map((row) => row.join("  ")).join("\n")}\n`);
});

/** A server that answers as this kind does, and keeps what it was asked. */
class FakeBackend implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly bodies: string[] = [];
  readonly #server: SocketServer;

  private constructor(answers: ReadonlyMap<string, Behaviour>) {
    this.#server = new SocketServer((exchange) => {
      const question = `${exchange.method} ${exchange.target}`;
      this.asked.push(question);
      if (exchange.method === "POST") this.bodies.push(exchange.text);
      const behave = answers.get(question) ?? answerJson({ error: "not found" }, 404);
      return behave(exchange);
    });
  }

  static async start(backend: BackendAnswers): Promise<FakeBackend> {
    const answers = new Map<string, Behaviour>();
    for (const path of backend.plain) answers.set(`GET ${path}`, answerJson({}));
    for (const [path, file] of Object.entries(backend.files)) {
      const [server = "", name = ""] = file.replace(/\.http$/, "").split("/");
      answers.set(`GET ${path}`, replayRecording(await loadRecording(server, name)));
    }
    answers.set(`POST ${backend.chatPath}`, (exchange) =>
      (exchange.text.includes('"stream":true')
        ? streamTokens(["one", " two"])
        : answerJson(completionOf("hello")))(exchange),
    );
    answers.set(
      `POST ${backend.embeddingPath}`,
      answerJson({ object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5, 0.25] }] }),
    );
    return new FakeBackend(answers);
  }

  get url(): string {
    return this.#server.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

async function readJson(url: string): Promise<Record<string, Record<string, unknown>[]>> {
  const answer = await fetch(url);
  expect(`${url} ${answer.status}`).toBe(`${url} 200`);
  return (await answer.json()) as Record<string, Record<string, unknown>[]>;
}

function namesIn(list: Record<string, Record<string, unknown>[]>): unknown[] {
  return (list.data ?? list.models ?? []).map((entry) => entry.id ?? entry.name).sort();
}

function post(url: string, body: object): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body) });
}

test("every built-in profile has a row", () => {
  expect(backends.map(({ profile }) => profile).sort()).toEqual(
    builtinProfiles()
      .map(({ name }) => name)
      .sort(),
  );
});

for (const backend of backends) {
  const { profile: kind, prefix, models, chatPath, embeddingPath } = backend;
  const profile = builtinProfiles().find(({ name }) => name === kind);

  test(`${kind}: found out, probed, listed, chatted with and embedded by`, async () => {
    const passed = done.get(kind) ?? new Set();
    // One that says what it is in the configuration, and one that is to be found out.
    await using named = await FakeBackend.start(backend);
    await using found = await FakeBackend.start(backend);
    await using olla = await startOlla({
      endpoints: [
        { name: "named", url: named.url, type: kind, priority: 200 },
        { name: "found", url: found.url, type: "auto" },
      ],
    });

    const status = await readJson(`${olla.url}/internal/status/endpoints`);
    expect(status.endpoints?.map(({ name, type, model_count }) => [name, type, model_count])).toEqual([
      ["named", kind, models.length],
      ["found", kind, models.length],
    ]);
    passed.add("found out");

    expect(named.asked).toContain(`GET ${profile?.healthCheckPath}`);
    expect(named.asked.filter((question) => question === `GET ${profile?.modelDiscoveryPath}`)).not.toEqual(
      [],
    );
    passed.add("probed");

    const isOnlyForItself = new Set(["ollama", "lmstudio"]);
    for (const format of listingFormats) {
      const list = await readJson(`${olla.url}/olla/models?format=${format}`);
      const isForeign = isOnlyForItself.has(format) && format !== profile?.listFormat;
      if (format === "unified") expect(list.data?.length).toBeGreaterThan(0);
      else expect([format, ...namesIn(list)]).toEqual([format, ...(isForeign ? [] : models)]);
    }
    for (const { path } of profile?.listings ?? []) {
      expect(namesIn(await readJson(`${olla.url}/olla/${prefix}${path}`))).toEqual([...models]);
    }
    expect(profile?.listings.map(({ path }) => path)).toContain(backend.listPath);
    passed.add("listed");

    const model = models[0];
    const messages = [{ role: "user", content: "hi" }];
    for (const route of [prefix, "proxy"]) {
      const answer = await post(`${olla.url}/olla/${route}${chatPath}`, { model, messages });
      expect(await answer.json()).toMatchObject({ choices: [{ message: { content: "hello" } }] });
      expect(answer.headers.get("x-olla-backend-type")).toBe(kind);
      expect(answer.headers.get("x-olla-endpoint")).toBe("named");
    }
    expect(JSON.parse(named.bodies[0] ?? "")).toEqual({ model, messages });
    passed.add("chat");

    const stream = await post(`${olla.url}/olla/${prefix}${chatPath}`, { model, messages, stream: true });
    const events: string[] = [];
    for await (const { data } of readSse(stream.body)) events.push(data);
    expect(events).toHaveLength(3);
    expect(events.at(-1)).toBe("[DONE]");
    passed.add("stream");

    const embedded = await post(`${olla.url}/olla/${prefix}${embeddingPath}`, { model, input: "hi" });
    expect(await embedded.json()).toMatchObject({ data: [{ embedding: [0.5, 0.25] }] });
    expect(named.asked.at(-1)).toBe(`POST ${embeddingPath}`);
    passed.add("embed");
  });
}
