// proxy.inject_usage: token counts in the access line, and for the client not a byte that it would not have seen without.
import { expect, test } from "bun:test";
import type { BackendKind } from "../support/fake-upstream.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour, Exchange } from "../support/socket-server.ts";
import { startOlla } from "../support/start-olla.ts";
import { sseDone, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const usage = { prompt_tokens: 12, completion_tokens: 2, total_tokens: 14 };
const usageEvent = `data: ${JSON.stringify({ id: "chatcmpl-1", model: "tiny", choices: [], usage })}\n\n`;
const content = [sseToken("one"), sseToken(" two"), ": thinking\n\n"];
const plainStream = content.join("") + sseDone;
const told = { input_tokens: 12, output_tokens: 2, total_tokens: 14 };

const isAsked = ({ text }: Exchange) => text.includes('"include_usage":true');

/** A server that does as OpenAI's: tells what it was asked for. */
function streamWith(
  pieces: (events: string) => readonly string[],
  headers: Record<string, string> = {},
): Behaviour {
  return async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream", ...headers });
    const events = content.join("") + (isAsked(exchange) ? usageEvent : "") + sseDone;
    for (const piece of pieces(events)) await exchange.chunk(piece);
    await exchange.endChunked();
  };
}

const inOne = (events: string) => [events];

interface Ask {
  readonly kind?: BackendKind;
  readonly path?: string;
  readonly body?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly proxy?: Record<string, unknown>;
  readonly count?: number;
  /** Called when the answer has begun for the client. */
  readonly onBegun?: () => void;
}

async function ask(behave: Behaviour, given: Ask = {}) {
  const { kind = "vllm", path = "/v1/chat/completions", body = { stream: true }, headers = {} } = given;
  await using upstreams = new AsyncDisposableStack();
  const fakes = Array.from({ length: given.count ?? 1 }, () =>
    upstreams.use(new FakeUpstream({ kind, behave })),
  );
  await using olla = await startOlla({
    endpoints: fakes.map(({ url }, index) => ({ name: `gpu-${index}`, url, type: kind })),
    proxy: { inject_usage: true, ...given.proxy },
  });
  const response = await fetch(`${olla.url}/olla/proxy${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "tiny", messages: [], ...body }),
  });
  given.onBegun?.();
  const text = await response.text().catch((error: unknown) => `broken: ${String(error)}`);
  await waitUntil(() => olla.accessLog().length > 0);
  const requests = fakes.flatMap((fake) => fake.requests);
  return { response, text, requests, line: olla.accessLog().at(-1) ?? {} };
}

test.each([
  ["in one piece", inOne],
  ["byte by byte", (events: string) => [...events]],
  ["in halves", (events: string) => [events.slice(0, events.length / 2), events.slice(events.length / 2)]],
])("the counts are asked for, told to the log and kept from the client: %s", async (_, pieces) => {
  for (const engine of ["sherpa", "olla"]) {
    for (const [kind, count] of [
      ["vllm", 1],
      ["ollama", 2],
    ] as const) {
      const { text, line, requests } = await ask(streamWith(pieces), { kind, count, proxy: { engine } });
      expect(text).toBe(plainStream);
      expect(line).toMatchObject({ ...told, ending: "complete", response_bytes: plainStream.length });
      expect(requests[0]?.header("accept-encoding")).toBe("identity");
      expect(JSON.parse(requests[0]?.text ?? "")).toEqual({
        model: "tiny",
        messages: [],
        stream: true,
        stream_options: { include_usage: true },
      });
    }
  }
});

test("an answer of declared length is shortened, head and body", async () => {
  const behave: Behaviour = (exchange) => {
    const events = content.join("") + (isAsked(exchange) ? usageEvent : "") + sseDone;
    return exchange.respond(200, { "Content-Type": "text/event-stream" }, events);
  };
  const { text, line, response } = await ask(behave);
  expect(text).toBe(plainStream);
  expect(Number(response.headers.get("content-length") ?? plainStream.length)).toBe(plainStream.length);
  expect(line).toMatchObject(told);
});

test("collected writes and a keep-alive leave out the counts as well", async () => {
  const proxy = { profile: "standard", keepalive_interval: "5s", early_commit: true };
  const { text, line } = await ask(streamWith(inOne), { proxy });
  expect(text).toBe(plainStream);
  expect(line).toMatchObject(told);
});

test.each([true, false])(
  "a client that says include_usage: %p gets what it asked for",
  async (include_usage) => {
    const body = { stream: true, stream_options: { include_usage } };
    const { text, requests } = await ask(streamWith(inOne), { body });
    expect(text).toBe(include_usage ? content.join("") + usageEvent + sseDone : plainStream);
    expect(JSON.parse(requests[0]?.text ?? "")).toEqual({ model: "tiny", messages: [], ...body });
  },
);

test.each<[string, Ask]>([
  ["it is switched off", { proxy: { inject_usage: false } }],
  ["the client wants no stream", { body: { stream: false } }],
  ["the kind is not known to take the question well", { kind: "openai-compatible" }],
  ["Ollama would put zeros on every event", { kind: "ollama", path: "/v1/completions" }],
  ["the path is no completion", { path: "/v1/responses" }],
])("nothing is asked for where %s", async (_, given) => {
  const { text, requests } = await ask(streamWith(inOne), given);
  expect(text).toBe(plainStream);
  expect(requests[0]?.text).not.toContain("stream_options");
});

test("what was compressed all the same is handed on as it is", async () => {
  const packed = Bun.gzipSync(content.join("") + usageEvent + sseDone);
  const behave: Behaviour = (exchange) =>
    exchange.respond(200, { "Content-Type": "text/event-stream", "Content-Encoding": "gzip" }, packed);
  const { text } = await ask(behave, { headers: { "accept-encoding": "gzip" } });
  expect(text).toBe(content.join("") + usageEvent + sseDone);
});

test("an answer that is no stream is handed on as it is", async () => {
  const answer = { choices: [], usage };
  const { text, line } = await ask((exchange) => exchange.respondJson(answer));
  expect(JSON.parse(text)).toEqual(answer);
  expect(line).toMatchObject(told);
});

test("counts after which the connection breaks are no end: the client is told", async () => {
  // Of bytes that come together with the break Bun gives nothing out.
  const begun = Promise.withResolvers<void>();
  const behave: Behaviour = async (exchange) => {
    await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
    await exchange.chunk(sseToken("one") + usageEvent.slice(0, -20));
    await begun.promise;
    exchange.close();
  };
  const { text, line } = await ask(behave, { onBegun: begun.resolve });
  expect(text).toStartWith(sseToken("one"));
  expect(text).toContain('"error"');
  expect(line).toMatchObject({ ending: "upstream-error" });
});
