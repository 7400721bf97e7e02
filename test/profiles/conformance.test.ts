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
/** What the configuration says of the endpoint: its kind, or that it is to be found out. */
const ways = ["named", "auto"] as const;
type Way = (typeof ways)[number];
const done = new Map(
  backends.map(({ profile }) => [profile, new Map(steps.map((step) => [step, new Set<Way>()]))]),
);

afterAll(() => {
  const cell = (passed: ReadonlySet<Way> | undefined) => {
    return passed?.size === ways.length ? "yes" : [...(passed ?? [])].join(" ") || "-";
  };
  const rows = [...done].map(([profile, row]) => [
    profile.padEnd(20),
    ...steps.map((step) => cell(row.get(step)).padEnd(step.length)),
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

  for (const way of ways) {
    test(`${kind}, ${way}: found out, probed, listed, chatted with and embedded by`, async () => {
      const pass = (step: Step) => done.get(kind)?.get(step)?.add(way);
      await using upstream = await FakeBackend.start(backend);
      await using olla = await startOlla({
        endpoints: [{ name: "box", url: upstream.url, type: way === "auto" ? "auto" : kind }],
      });

      const status = await readJson(`${olla.url}/internal/status/endpoints`);
      expect(status.endpoints).toMatchObject([{ name: "box", type: kind, model_count: models.length }]);
      pass("found out");

      // Until its kind is known it is asked for what every server has.
      expect(upstream.asked).toContain(`GET ${way === "auto" ? "/" : profile?.healthCheckPath}`);
      expect(status.endpoints).toMatchObject([{ status: "healthy" }]);
      expect(upstream.asked).toContain(`GET ${profile?.modelDiscoveryPath}`);
      pass("probed");

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
      pass("listed");

      const model = models[0];
      const messages = [{ role: "user", content: "hi" }];
      // By its own path, and by the one that every client knows.
      const routes = [
        `${prefix}${chatPath}`,
        `proxy${chatPath}`,
        `${prefix}/v1/chat/completions`,
        "openai/v1/chat/completions",
      ];
      for (const route of routes) {
        const answer = await post(`${olla.url}/olla/${route}`, { model, messages });
        expect(await answer.json()).toMatchObject({ choices: [{ message: { content: "hello" } }] });
        expect(answer.headers.get("x-olla-backend-type")).toBe(kind);
        expect(upstream.asked.at(-1)).toBe(`POST ${chatPath}`);
        expect(JSON.parse(upstream.bodies.at(-1) ?? "")).toEqual({ model, messages });
      }
      pass("chat");

      const stream = await post(`${olla.url}/olla/${prefix}${chatPath}`, { model, messages, stream: true });
      const events: string[] = [];
      for await (const { data } of readSse(stream.body)) events.push(data);
      expect(events).toHaveLength(3);
      expect(events.at(-1)).toBe("[DONE]");
      pass("stream");

      const embedded = await post(`${olla.url}/olla/${prefix}${embeddingPath}`, { model, input: "hi" });
      expect(await embedded.json()).toMatchObject({ data: [{ embedding: [0.5, 0.25] }] });
      expect(upstream.asked.at(-1)).toBe(`POST ${embeddingPath}`);
      pass("embed");
    });
  }
}
