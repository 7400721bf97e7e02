import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { collectSse, readSse } from "../support/read-sse.ts";
import type { Exchange } from "../support/socket-server.ts";
import { startOlla } from "../support/start-olla.ts";
import { answerJson, hangBeforeHead, TokenStream } from "../support/upstream-behaviours.ts";
import { timeUntil, waitUntil, within } from "../support/wait-until.ts";

const chat = { model: "tiny", stream: true, messages: [{ role: "user", content: "hi" }] };

async function startEarly(upstream: FakeUpstream, proxy: Record<string, unknown> = {}) {
  return await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
    proxy: { early_commit: true, keepalive_interval: "60ms", ...proxy },
  });
}

function ask(url: string, path = "/olla/proxy/v1/chat/completions"): Promise<Response> {
  return fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(chat) });
}

/** An upstream that answers when the test says so. */
function answersLater() {
  const asked = Promise.withResolvers<Exchange>();
  const done = Promise.withResolvers<void>();
  const behave = async (exchange: Exchange): Promise<void> => {
    asked.resolve(exchange);
    await done.promise;
  };
  return { asked: asked.promise, finish: () => done.resolve(), behave };
}

test("an answer within the first interval keeps its status and its headers", async () => {
  await using upstream = new FakeUpstream({ behave: answerJson({ error: "busy" }, 503) });
  await using olla = await startEarly(upstream, { keepalive_interval: "10s" });
  const answer = await ask(olla.url);
  expect(answer.status).toBe(503);
  expect(answer.headers.get("x-olla-endpoint")).toBe("one");
});

test("a long prompt shows signs of life before the endpoint has answered, and then the answer", async () => {
  const later = answersLater();
  await using upstream = new FakeUpstream({ behave: later.behave });
  await using olla = await startEarly(upstream);
  const answer = await within(ask(olla.url), 2_000, "the head arrives before the endpoint has answered");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  expect(answer.headers.get("x-olla-request-id")).toBeTruthy();
  const tokens = await TokenStream.start(await later.asked);
  await tokens.push("at last");
  await tokens.end();
  later.finish();
  const { events } = await collectSse(answer.body);
  expect(events.map(({ data }) => data).join(" ")).toContain("at last");
  expect(events.at(-1)?.data).toBe("[DONE]");
});

test("a failure that comes late is an event in the caller's dialect, without an end mark", async () => {
  const later = answersLater();
  await using upstream = new FakeUpstream({ behave: later.behave });
  await using olla = await startEarly(upstream);
  const answer = await ask(olla.url);
  const exchange = await later.asked;
  await answerJson({ error: { message: "out of memory" } }, 500)(exchange);
  later.finish();
  const { events } = await collectSse(answer.body);
  expect(events.length).toBe(1);
  expect(JSON.parse(events[0]?.data ?? "")).toEqual({ error: { message: "out of memory" } });
});

test("Anthropic callers get pings", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm", behave: hangBeforeHead });
  await using olla = await startEarly(upstream);
  const answer = await within(ask(olla.url, "/olla/proxy/v1/messages"), 2_000, "the head arrives");
  const events = readSse(answer.body);
  const ping = await within(events.next(), 2_000, "a ping arrives");
  expect(JSON.parse(ping.value?.data ?? "")).toEqual({ type: "ping" });
  await events.return(undefined);
});

test("a client that leaves meanwhile closes the upstream request within 100 ms", async () => {
  await using upstream = new FakeUpstream({ behave: hangBeforeHead });
  await using olla = await startEarly(upstream);
  using client = await RawClient.connect(olla.port);
  client.request(
    "POST /olla/proxy/v1/chat/completions HTTP/1.1",
    ["Content-Type: application/json"],
    JSON.stringify(chat),
  );
  const exchange = await upstream.exchange();
  await client.readUntil("keep-alive");
  expect(await timeUntil(exchange.gone, () => client.close())).toBeLessThan(100);
  await waitUntil(() => olla.accessLog().some(({ status }) => status === 499), { what: "an access line" });
});

test("it is off unless asked for: the head waits for the endpoint", async () => {
  const later = answersLater();
  await using upstream = new FakeUpstream({ behave: later.behave });
  await using olla = await startEarly(upstream, { early_commit: false });
  const answer = ask(olla.url);
  const exchange = await later.asked;
  await answerJson({ error: "late" }, 500)(exchange);
  later.finish();
  expect((await answer).status).toBe(500);
});

test("an answer behind an early head is not compressed, which the head could not have said", async () => {
  const later = answersLater();
  await using upstream = new FakeUpstream({ behave: later.behave });
  await using olla = await startEarly(upstream);
  const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    headers: { "Accept-Encoding": "gzip" },
    body: JSON.stringify(chat),
  });
  const exchange = await later.asked;
  expect(exchange.header("accept-encoding")).toBe("identity");
  // One that compresses all the same is told from an answer.
  await exchange.startChunked(200, { "Content-Type": "text/event-stream", "Content-Encoding": "gzip" });
  await exchange.chunk(Bun.gzipSync("data: [DONE]\n\n"));
  later.finish();
  const { events } = await collectSse(answer.body);
  expect(events.map(({ data }) => JSON.parse(data).error.source)).toEqual(["olla"]);
  await exchange.gone;
});
