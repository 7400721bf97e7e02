// The instruments themselves: a test that leans on a broken one proves nothing.
import { expect, test } from "bun:test";
import { blackHoleObstacle, openBlackHole } from "./black-hole.ts";
import { chunkOf, toBytes, toText } from "./bytes.ts";
import { findDeadPort } from "./dead-port.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { dechunkPartly, parseMessage } from "./http-message.ts";
import { RawClient } from "./raw-client.ts";
import { collectSse } from "./read-sse.ts";
import {
  claimLength,
  closeBeforeHead,
  resetBeforeHead,
  sendGarbage,
  streamTokens,
  TokenStream,
} from "./upstream-behaviours.ts";
import { loadRecording, replayRecording } from "./wire-recording.ts";

async function codeOfFailure(behave: FakeUpstream["behave"]): Promise<unknown> {
  await using upstream = new FakeUpstream({ behave });
  const outcome = await fetch(`${upstream.url}/x`, { method: "POST", body: "{}", keepalive: false })
    .then((answer) => answer.text())
    .catch((error: { code?: unknown }) => error);
  return typeof outcome === "string" ? outcome : outcome.code;
}

test("scripted failures are seen as what they are called", async () => {
  expect(await codeOfFailure(resetBeforeHead)).toBe("ECONNRESET");
  expect(await codeOfFailure(closeBeforeHead)).toBe("ECONNRESET");
  expect(await codeOfFailure(sendGarbage)).toBe("Malformed_HTTP_Response");
  expect(await codeOfFailure(claimLength(100, "short"))).toBe("ECONNRESET");
});

test("a whole stream and a truncated one differ for a client that looks", async () => {
  await using upstream = new FakeUpstream({ behave: streamTokens(["alpha", "beta"]) });
  const whole = await collectSse((await fetch(`${upstream.url}/x`, { method: "POST" })).body);
  expect(whole.error).toBeUndefined();
  expect(whole.events.map(({ data }) => data).at(-1)).toBe("[DONE]");
  const broken = Promise.withResolvers<TokenStream>();
  upstream.behave = async (exchange) => broken.resolve(await TokenStream.start(exchange));
  const answer = fetch(`${upstream.url}/x`, { method: "POST" });
  const tokens = await broken.promise;
  await tokens.push("alpha");
  const cut = collectSse((await answer).body);
  tokens.truncate();
  expect((await cut).error).toBeDefined();
});

test("a dead port refuses", async () => {
  await expect(RawClient.connect(findDeadPort())).rejects.toThrow();
});

test.skipIf(blackHoleObstacle !== undefined)(
  `a black hole neither accepts nor refuses${blackHoleObstacle === undefined ? "" : ` (skipped: ${blackHoleObstacle})`}`,
  async () => {
    using hole = await openBlackHole();
    const outcome = await Promise.race([
      RawClient.connect(hole.port).then(
        () => "accepted",
        () => "refused",
      ),
      new Promise<string>((resolve) => setTimeout(() => resolve("silence"), 300)),
    ]);
    expect(outcome).toBe("silence");
  },
);

test("recordings are replayed as they were", async () => {
  const recording = await loadRecording("llama-server-b10488", "post-v1-chat-completions-stream");
  await using upstream = new FakeUpstream({ behave: replayRecording(recording) });
  const answer = await fetch(`${upstream.url}/x`, { method: "POST" });
  expect(answer.headers.get("server")).toBe("llama.cpp");
  expect((await answer.text()).trim()).toBe(recording.body.trim());
});

test("messages are parsed at any cut, chunked or not", () => {
  const chunked = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${toText(chunkOf("ab"))}${toText(chunkOf("c"))}0\r\n\r\n`;
  for (let at = 0; at < chunked.length; at += 1)
    expect(parseMessage(toBytes(chunked.slice(0, at)))).toBeUndefined();
  expect(parseMessage(toBytes(`${chunked}GET`))?.text).toBe("abc");
  expect(parseMessage(toBytes(chunked))?.wireBytes).toBe(chunked.length);
  expect(toText(dechunkPartly(toBytes("2\r\nab\r\n5\r\ncd")))).toBe("abcd");
});
