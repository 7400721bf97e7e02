import { expect, test } from "bun:test";
import { connect } from "node:net";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startOlla } from "../support/start-olla.ts";
import { sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const chat = JSON.stringify({ model: "tiny", stream: true, messages: [{ role: "user", content: "hi" }] });

test("a client that takes nothing does not keep a place at the endpoint when its request's time is over", async () => {
  const piece = sseToken("y".repeat(60_000));
  await using upstream = new FakeUpstream({
    async behave(exchange) {
      let isGone = false;
      void exchange.gone.then(() => {
        isGone = true;
      });
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      while (!isGone) await Promise.race([exchange.chunk(piece), exchange.gone]);
    },
  });
  await using olla = await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: upstream.kind, max_concurrent: 1 }],
    proxy: { response_timeout: "400ms" },
  });
  const socket = connect(olla.port, "127.0.0.1");
  try {
    socket.pause();
    socket.write(
      `POST /olla/proxy/v1/chat/completions HTTP/1.1\r\nHost: olla.localhost\r\nContent-Length: ${chat.length}\r\n\r\n${chat}`,
    );
    const line = await waitUntil(
      () => olla.accessLog().find(({ path }) => String(path).endsWith("/completions")),
      {
        what: "the request is over",
      },
    );
    expect(line).toMatchObject({ endpoint: "one", ending: "response-timeout" });
    const status = await (await fetch(`${olla.url}/internal/status`)).text();
    expect(status).toContain('"active_connections":0');
  } finally {
    socket.destroy();
  }
});
