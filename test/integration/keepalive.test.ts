import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { readSse } from "../support/read-sse.ts";
import type { Exchange } from "../support/socket-server.ts";
import { startOlla } from "../support/start-olla.ts";
import { sseDone, sseToken } from "../support/upstream-behaviours.ts";
import { within } from "../support/wait-until.ts";

const chat = { model: "tiny", stream: true, messages: [{ role: "user", content: "hi" }] };

test("a keep-alive never lands inside an event of which a part is still held back", async () => {
  const asked = Promise.withResolvers<Exchange>();
  await using upstream = new FakeUpstream({ behave: (exchange) => asked.resolve(exchange) });
  await using olla = await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
    proxy: { profile: "standard", stream_buffer_size: "2KB", keepalive_interval: "40ms" },
  });
  const answering = fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(chat),
  });
  const exchange = await asked.promise;
  const content = "x".repeat(3_000);
  await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
  // Longer than one write: its end is held back until more comes.
  await exchange.chunk(sseToken(content));
  const answer = await answering;
  const seen: string[] = [];
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  while (!seen.join("").includes("keep-alive")) {
    const piece = await within(reader?.read() ?? Promise.reject(new Error("no body")), 2_000, "a keep-alive");
    seen.push(decoder.decode(piece.value));
  }
  await exchange.chunk(sseDone);
  await exchange.endChunked();
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
    seen.push(decoder.decode(piece.value));
  }
  const events = readSse(new Response(seen.join("")).body);
  const first = await events.next();
  expect(JSON.parse(first.value?.data ?? "").choices[0].delta.content).toBe(content);
  const second = await events.next();
  expect(second.value?.data).toBe("[DONE]");
});
