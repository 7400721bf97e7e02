// How a model is found in whatever body a client sends, and where the request then goes, through the running app.
import { describe, expect, test } from "bun:test";
import { brotliCompressSync, zstdCompressSync } from "node:zlib";
import OpenAI from "openai";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour, Exchange } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

function clientOf(olla: RunningOlla): OpenAI {
  return new OpenAI({ baseURL: `${olla.url}/olla/openai/v1`, apiKey: "client-key", maxRetries: 0 });
}

function post(
  olla: RunningOlla,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${olla.url}${path}`, { method: "POST", body, headers });
}

/** The fields that arrived, as their receiver reads them; files as text. */
async function fieldsOf(exchange: Exchange): Promise<Record<string, string>> {
  const headers = { "content-type": exchange.header("content-type") ?? "" };
  const form = await new Response(Buffer.from(exchange.body), { headers }).formData();
  const fields: Record<string, string> = {};
  for (const [name, value] of form as unknown as Iterable<[string, string | Blob]>) {
    fields[name] = typeof value === "string" ? value : await value.text();
  }
  return fields;
}

const twoModels = ["chat-model", "whisper-large"] as const;

/** One endpoint with a chat model, and one with everything else. */
async function startPair(behave: Behaviour, sections = {}) {
  const chat = new FakeUpstream({ kind: "vllm", models: ["chat-model"] });
  const media = new FakeUpstream({
    kind: "openai-compatible",
    models: ["whisper-large", "painter", "omni-moderation", "embedder"],
    behave,
  });
  const olla = await startOlla({
    endpoints: [
      { name: "chat", url: chat.url, type: "vllm", priority: 300 },
      { name: "media", url: media.url, type: "openai" },
    ],
    sections,
  });
  return {
    chat,
    media,
    olla,
    async [Symbol.asyncDispose]() {
      await olla[Symbol.asyncDispose]();
      await chat[Symbol.asyncDispose]();
      await media[Symbol.asyncDispose]();
    },
  };
}

describe("the openai client", () => {
  test("transcribes and translates where the model is", async () => {
    await using pair = await startPair(answerJson({ text: "hello" }));
    const client = clientOf(pair.olla);
    const file = new File(["RIFF\r\n----not a boundary\u0000"], "a.wav", { type: "audio/wav" });
    const transcript = await client.audio.transcriptions.create({
      file,
      model: "whisper-large",
      language: "en",
    });
    expect(transcript.text).toBe("hello");
    await client.audio.translations.create({ model: "whisper-large", file });
    expect(pair.media.requests.map(({ target }) => target)).toEqual([
      "/v1/audio/transcriptions",
      "/v1/audio/translations",
    ]);
    expect(await fieldsOf(await pair.media.exchange(0))).toEqual({
      file: await file.text(),
      model: "whisper-large",
      language: "en",
    });
    expect(pair.chat.requests).toEqual([]);
  });

  test("streams a transcription", async () => {
    const events = ["transcript.text.delta", "transcript.text.done"].map(
      (type) => `data: ${JSON.stringify({ type, delta: "hi", text: "hi" })}\n\n`,
    );
    await using pair = await startPair((exchange) =>
      exchange.respond(200, { "Content-Type": "text/event-stream" }, events.join("")),
    );
    const file = new File(["RIFF"], "a.wav");
    const stream = await clientOf(pair.olla).audio.transcriptions.create({
      file,
      model: "whisper-large",
      stream: true,
    });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types).toEqual(["transcript.text.delta", "transcript.text.done"]);
    expect(await fieldsOf(await pair.media.exchange())).toMatchObject({ stream: "true" });
  });

  test("edits and varies images, embeds, moderates and speaks where the model is", async () => {
    const answer = { created: 1, object: "list", data: [], results: [{ flagged: false }] };
    await using pair = await startPair(answerJson(answer));
    const client = clientOf(pair.olla);
    const image = new File(["\u0089PNG"], "a.png", { type: "image/png" });
    await client.images.edit({ image, prompt: "a hat", model: "painter" });
    await client.images.createVariation({ image, model: "painter" as "dall-e-2" });
    await client.images.generate({ prompt: "a hat", model: "painter" });
    await client.embeddings.create({ input: ["a", "b"], model: "embedder" });
    await client.moderations.create({ input: "a", model: "omni-moderation" });
    await client.audio.speech.create({ input: "a", model: "painter", voice: "alloy" });
    expect(pair.media.requests.map(({ target }) => target)).toEqual([
      "/v1/images/edits",
      "/v1/images/variations",
      "/v1/images/generations",
      "/v1/embeddings",
      "/v1/moderations",
      "/v1/audio/speech",
    ]);
    expect(pair.chat.requests).toEqual([]);
  });

  test("is told about an unknown model in a form, too", async () => {
    await using pair = await startPair(answerJson({ text: "hello" }));
    const file = new File(["RIFF"], "a.wav");
    const asking = clientOf(pair.olla).audio.transcriptions.create({ file, model: "whisper-larg" });
    const error = await asking.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    expect(pair.media.requests).toEqual([]);
  });
});

describe("a form", () => {
  test("of fifty megabytes with the model at its end arrives where the model is, byte for byte", async () => {
    let arrived: Uint8Array | undefined;
    await using pair = await startPair(async (exchange) => {
      arrived = exchange.body;
      await exchange.respondJson({ text: "long" });
    });
    const form = new FormData();
    form.append("file", new File([Buffer.alloc(50_000_000, "RIFF\r\n--\u0000")], "long.wav"));
    form.append("model", "whisper-large");
    const written = new Response(form);
    const contentType = written.headers.get("content-type") ?? "";
    const bytes = new Uint8Array(await written.arrayBuffer());
    const answer = await post(pair.olla, "/olla/proxy/v1/audio/transcriptions", bytes, {
      "content-type": contentType,
    });
    expect(await answer.json()).toEqual({ text: "long" });
    expect(answer.headers.get("x-olla-endpoint")).toBe("media");
    expect(Buffer.compare(arrived ?? new Uint8Array(), bytes)).toBe(0);
  });

  test("gets the model that an alias stands for, and nothing else in it changes", async () => {
    await using pair = await startPair(answerJson({ text: "hello" }), {
      model_aliases: { listener: ["whisper-large"] },
    });
    const file = new File(["RIFF\r\nlistener"], "listener.wav");
    await clientOf(pair.olla).audio.transcriptions.create({ file, model: "listener", prompt: "listener" });
    expect(await fieldsOf(await pair.media.exchange())).toEqual({
      file: "RIFF\r\nlistener",
      model: "whisper-large",
      prompt: "listener",
    });

    const plain = { "content-type": "application/x-www-form-urlencoded" };
    await post(pair.olla, "/olla/openai/v1/audio/speech", "input=a&model=listener&voice=b", plain);
    expect((await pair.media.exchange(1)).text).toBe("input=a&model=whisper-large&voice=b");
  });

  test("that is cut off, or names no model, is for an endpoint to judge", async () => {
    await using pair = await startPair(answerJson({ text: "hello" }));
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    for (const body of ["--b\r\nContent-Disposition: form-data; name=model\r\n\r\nnob", "--b--", "junk"]) {
      const answer = await post(pair.olla, "/olla/proxy/v1/audio/transcriptions", body, headers);
      expect(answer.status).toBe(200);
    }
    expect(pair.chat.requests.length + pair.media.requests.length).toBe(3);
  });
});

describe("a compressed body", () => {
  const json = JSON.stringify({ model: "embedder", input: "a" });
  const packed: readonly [encoding: string, bytes: Uint8Array<ArrayBuffer>][] = [
    ["gzip", Bun.gzipSync(json)],
    ["br", new Uint8Array(brotliCompressSync(json))],
    ["zstd", new Uint8Array(zstdCompressSync(json))],
  ];

  test.each(packed)("in %s is routed by the model in it, and goes on as it came", async (encoding, bytes) => {
    await using pair = await startPair(answerJson({ data: [] }));
    const answer = await post(pair.olla, "/olla/proxy/v1/embeddings", bytes, {
      "content-encoding": encoding,
    });
    expect(answer.headers.get("x-olla-endpoint")).toBe("media");
    const arrived = await pair.media.exchange();
    expect(arrived.header("content-encoding")).toBe(encoding);
    expect(Buffer.compare(arrived.body, bytes)).toBe(0);
  });

  test("goes on unpacked where an alias puts another model in it", async () => {
    await using pair = await startPair(answerJson({ data: [] }), { model_aliases: { embed: ["embedder"] } });
    const body = Bun.gzipSync('{"model":"embed","input":"a"}');
    const answer = await post(pair.olla, "/olla/proxy/v1/embeddings", body, { "content-encoding": "gzip" });
    expect(answer.status).toBe(200);
    const arrived = await pair.media.exchange();
    expect(arrived.text).toBe('{"model":"embedder","input":"a"}');
    expect(arrived.header("content-encoding")).toBeUndefined();
    expect(arrived.header("content-length")).toBe(String(arrived.body.byteLength));
  });

  test("that is none goes to nobody", async () => {
    await using pair = await startPair(answerJson({ data: [] }));
    const answer = await post(pair.olla, "/olla/openai/v1/embeddings", json, { "content-encoding": "gzip" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "unreadable_body" } });
    expect(pair.chat.requests.length + pair.media.requests.length).toBe(0);
  });
});

test("a realtime session is asked for where the model in its address is", async () => {
  await using pair = await startPair(answerJson({}, 426));
  const answer = await fetch(`${pair.olla.url}/olla/openai/v1/realtime?model=whisper-large`);
  expect(answer.status).toBe(426);
  expect(answer.headers.get("x-olla-endpoint")).toBe("media");
  const unknown = await fetch(`${pair.olla.url}/olla/openai/v1/realtime?model=nobodys`);
  expect(unknown.status).toBe(404);
});

describe("an endpoint whose paths are elsewhere", () => {
  const places: readonly [type: string, listPath: string, target: string][] = [
    ["docker-model-runner", "/engines/v1/models", "/engines/v1/chat/completions"],
    ["lemonade", "/api/v1/models", "/api/v1/chat/completions"],
  ];
  test.each(places)(
    "of kind %s is asked there by clients of OpenAI's API",
    async (type, listPath, target) => {
      const list = { object: "list", data: [{ id: "tiny", object: "model" }] };
      await using upstream = new FakeUpstream({
        behave: (exchange) => exchange.respondJson(exchange.method === "GET" ? list : { object: "answer" }),
      });
      await using olla = await startOlla({ endpoints: [{ name: "one", url: upstream.url, type }] });
      for (const route of ["openai", "proxy", type === "lemonade" ? "lemonade" : "dmr"]) {
        const asked = upstream.requests.length;
        const answer = await post(olla, `/olla/${route}/v1/chat/completions`, '{"model":"tiny"}');
        expect(answer.status).toBe(200);
        expect(upstream.requests.slice(asked).map((each) => each.target)).toContain(target);
      }
      expect(upstream.requests.map((each) => each.target)).toContain(listPath);
    },
  );
});

describe("an endpoint whose address ends in /v1, as its clients write it", () => {
  const kinds: readonly [type: string, kind: "lm-studio" | "ollama" | "vllm" | "openai-compatible"][] = [
    ["lm-studio", "lm-studio"],
    ["ollama", "ollama"],
    ["vllm", "vllm"],
    ["openai", "openai-compatible"],
    ["auto", "ollama"],
    ["auto", "lm-studio"],
  ];
  for (const [type, kind] of kinds) {
    for (const preserve_path of [false, true]) {
      test(`is found, probed and used: type ${type}, a ${kind}, preserve_path ${preserve_path}`, async () => {
        await using upstream = new FakeUpstream({ kind, models: [...twoModels] });
        await using olla = await startOlla({
          endpoints: [{ name: "one", url: `${upstream.url}/v1`, type, preserve_path }],
        });
        const answer = await post(olla, "/olla/proxy/v1/chat/completions", '{"model":"chat-model"}');
        expect(answer.status).toBe(200);
        expect(upstream.requests.map(({ target }) => target)).toContain("/v1/chat/completions");
      });
    }
  }
});
