// Codex tries a WebSocket first. Only a 426 makes it go on without one at once.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";

let upstream: FakeUpstream;
let olla: RunningOlla;

beforeAll(async () => {
  upstream = new FakeUpstream();
  olla = await startOlla({ endpoints: [{ name: "chat", url: upstream.url, type: "openai" }] });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

/** Answers read as bytes: an HTTP client would not send these headers. */
async function askForWebSocket(path: string): Promise<{ head: string; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: olla.port,
    socket: {
      data(connection, piece) {
        received += piece.toString();
        const [head = "", body] = received.split("\r\n\r\n");
        const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN);
        if (body === undefined || body.length < length) return;
        resolve(received);
        connection.end();
      },
      close: () => reject(new Error(`closed after ${received}`)),
      error: (_, error) => reject(error),
    },
  });
  socket.write(
    [
      `GET ${path} HTTP/1.1`,
      "Host: localhost",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: rFfgjIWoD3IAGu8IO2zdVA==",
      "openai-beta: responses_websockets=2026-02-06",
      "",
      "",
    ].join("\r\n"),
  );
  const [head = "", body = ""] = (await promise).split("\r\n\r\n");
  return { head, body };
}

test.each(["/olla/openai/v1/responses", "/olla/proxy/v1/responses"])(
  "a WebSocket on %s is refused with 426, in OpenAI's words, and no endpoint hears of it",
  async (path) => {
    const { head, body } = await askForWebSocket(path);
    expect(head).toStartWith("HTTP/1.1 426");
    // RFC 9110 §15.5.22: says which protocol will do, and that the header is for this connection alone.
    expect(head).toMatch(/^upgrade: HTTP\/1\.1$/im);
    expect(head).toMatch(/^connection: .*upgrade/im);
    expect(head).toMatch(/^content-type: application\/json$/im);
    expect(JSON.parse(body)).toMatchObject({ error: { type: "invalid_request_error", param: null } });
    expect(upstream.requests).toHaveLength(0);
  },
);
