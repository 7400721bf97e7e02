import type { Server } from "bun";
import type { Clock } from "../lib/clock.ts";

export interface SimulatedEndpointOptions {
  /** Shown in every answer, so that one can see who gave it. */
  readonly name: string;
  readonly models: readonly string[];
  /** Pause before each word of a stream, milliseconds. */
  readonly wordPauseMs: number;
  readonly clock: Clock;
}

export interface SimulatedEndpoint {
  readonly url: string;
  stop(): Promise<void>;
}

interface Reply {
  readonly words: readonly string[];
  readonly model: string;
  readonly promptWords: number;
}

type Encoder = (reply: Reply) => {
  readonly contentType: string;
  word(text: string, index: number): string;
  end(): string;
};

const vectorLength = 8;

/** A server on a free loopback port that answers as Ollama would, with made-up text that says so. */
export function startSimulatedEndpoint(options: SimulatedEndpointOptions): SimulatedEndpoint {
  const server: Server<undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 120,
    development: false,
    fetch: (request) => answer(request, options),
    error: () => Response.json({ error: "the simulated endpoint failed" }, { status: 500 }),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    stop: () => server.stop(true),
  };
}

async function answer(request: Request, options: SimulatedEndpointOptions): Promise<Response> {
  const path = new URL(request.url).pathname;
  if (request.method === "GET" || request.method === "HEAD") return answerGet(path, options);
  const body = await readBody(request);
  if (body === undefined) return Response.json({ error: "the body is not a JSON object" }, { status: 400 });
  const model = String(body.model ?? "");
  if (!options.models.includes(model)) {
    return Response.json({ error: `model '${model}' not found` }, { status: 404 });
  }
  switch (path) {
    case "/api/chat":
    case "/api/generate":
      return answerText(body, body.stream !== false, encodeOllama(path), { options, request });
    case "/v1/chat/completions":
      return answerText(body, body.stream === true, encodeOpenai, { options, request });
    case "/api/embed":
      return Response.json({ model, embeddings: inputsOf(body).map(inventVector) });
    case "/v1/embeddings":
      return Response.json({
        object: "list",
        model,
        data: inputsOf(body).map((text, index) => ({
          object: "embedding",
          index,
          embedding: inventVector(text),
        })),
        usage: { prompt_tokens: countWords(inputsOf(body)), total_tokens: countWords(inputsOf(body)) },
      });
    default:
      return notFound();
  }
}

function answerGet(path: string, { models }: SimulatedEndpointOptions): Response {
  switch (path) {
    case "/":
      return new Response("Ollama is running (simulated)");
    case "/api/version":
      return Response.json({ version: "0.0.0-simulated" });
    case "/api/tags":
      return Response.json({ models: models.map(describeModel) });
    case "/v1/models": {
      const data = models.map((id) => ({ id, object: "model", created: 0, owned_by: "simulated" }));
      return Response.json({ object: "list", data });
    }
    default:
      return notFound();
  }
}

function notFound(): Response {
  return Response.json({ error: "the simulated endpoint has no such path" }, { status: 404 });
}

function describeModel(name: string): object {
  return {
    name,
    model: name,
    modified_at: "2026-01-01T00:00:00Z",
    size: 0,
    digest: new Bun.CryptoHasher("sha256").update(name).digest("hex"),
    details: {
      parent_model: "",
      format: "simulated",
      family: "simulated",
      families: ["simulated"],
      parameter_size: "0B",
      quantization_level: "none",
    },
  };
}

interface Asked {
  readonly options: SimulatedEndpointOptions;
  readonly request: Request;
}

function answerText(
  body: Record<string, unknown>,
  isStream: boolean,
  encoder: Encoder,
  asked: Asked,
): Response {
  const { name, models } = asked.options;
  const model = String(body.model ?? models[0]);
  const question = lastQuestion(body);
  const text = `[simulated] This is ${name} answering for ${model}. Nothing was computed; the words come one by one so that you can watch them stream through Olla. You said: "${question}"`;
  const words = text.split(" ").map((word, index) => (index === 0 ? word : ` ${word}`));
  const reply: Reply = { words, model, promptWords: countWords([question]) };
  if (!isStream)
    return Response.json(encoder === encodeOpenai ? wholeOpenai(reply) : wholeOllama(reply, body));
  return streamWords(encoder(reply), words, asked);
}

function streamWords(
  encoding: ReturnType<Encoder>,
  words: readonly string[],
  { options, request }: Asked,
): Response {
  const text = new TextEncoder();
  let index = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (index > 0) await pause(options.clock, options.wordPauseMs, request.signal);
      const word = words[index];
      if (word === undefined || request.signal.aborted) {
        controller.enqueue(text.encode(encoding.end()));
        controller.close();
        return;
      }
      controller.enqueue(text.encode(encoding.word(word, index)));
      index++;
    },
  });
  return new Response(body, { headers: { "content-type": encoding.contentType } });
}

/** Ends early when the listener goes: nobody waits for the words of a closed connection. */
function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(durationMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    function stop(): void {
      cancel();
      resolve();
    }
    signal.addEventListener("abort", stop, { once: true });
  });
}

const encodeOpenai: Encoder = ({ words, model, promptWords }) => {
  const id = "chatcmpl-simulated";
  const event = (delta: object, finish: string | null, extra: object = {}) =>
    `data: ${JSON.stringify({
      id,
      object: "chat.completion.chunk",
      created: 0,
      model,
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...extra,
    })}\n\n`;
  return {
    contentType: "text/event-stream",
    word: (content, index) => event(index === 0 ? { role: "assistant", content } : { content }, null),
    end: () => `${event({}, "stop", { usage: countUsage(promptWords, words.length) })}data: [DONE]\n\n`,
  };
};

function encodeOllama(path: "/api/chat" | "/api/generate"): Encoder {
  return ({ words, model, promptWords }) => {
    const line = (content: string, rest: object) => {
      const part = path === "/api/chat" ? { message: { role: "assistant", content } } : { response: content };
      return `${JSON.stringify({ model, created_at: "2026-01-01T00:00:00Z", ...part, ...rest })}\n`;
    };
    const counts = { prompt_eval_count: promptWords, eval_count: words.length };
    return {
      contentType: "application/x-ndjson",
      word: (text) => line(text, { done: false }),
      end: () => line("", { done: true, done_reason: "stop", ...counts }),
    };
  };
}

function wholeOpenai({ words, model, promptWords }: Reply): object {
  const message = { role: "assistant", content: words.join("") };
  return {
    id: "chatcmpl-simulated",
    object: "chat.completion",
    created: 0,
    model,
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: countUsage(promptWords, words.length),
  };
}

function wholeOllama({ words, model, promptWords }: Reply, body: Record<string, unknown>): object {
  const content = words.join("");
  const part = Array.isArray(body.messages)
    ? { message: { role: "assistant", content } }
    : { response: content };
  const counts = { prompt_eval_count: promptWords, eval_count: words.length };
  return {
    model,
    created_at: "2026-01-01T00:00:00Z",
    ...part,
    done: true,
    done_reason: "stop",
    ...counts,
  };
}

function countUsage(prompt: number, completion: number): object {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function lastQuestion(body: Record<string, unknown>): string {
  const last: unknown = Array.isArray(body.messages) ? body.messages.at(-1) : undefined;
  const content = typeof last === "object" && last !== null && "content" in last ? last.content : body.prompt;
  return typeof content === "string" ? content.slice(0, 200) : "";
}

function inputsOf(body: Record<string, unknown>): string[] {
  return (Array.isArray(body.input) ? body.input : [body.input ?? ""]).map(String);
}

function countWords(texts: readonly string[]): number {
  return texts.join(" ").split(/\s+/).filter(Boolean).length;
}

/** Always the same for the same text; means nothing. */
function inventVector(text: string): number[] {
  const bytes = new Bun.CryptoHasher("sha256").update(text).digest();
  return Array.from(bytes.subarray(0, vectorLength), (byte) => byte / 255);
}

async function readBody(request: Request): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = await request.json();
    return typeof body === "object" && body !== null && !Array.isArray(body) ? { ...body } : undefined;
  } catch {
    // Not JSON, or the sender left: both are told apart by nobody.
    return undefined;
  }
}
