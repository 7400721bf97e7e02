import { expect, test } from "bun:test";
import { engineNames } from "../../src/proxy/engine.ts";
import { startOlla } from "../support/start-olla.ts";
import { within } from "../support/wait-until.ts";

const mebibytes = 24;
const listing = JSON.stringify({ object: "list", data: [{ id: "tiny", object: "model" }] });
const firstEvent = 'data: {"choices":[{"index":0,"delta":{"content":"so"},"finish_reason":null}]}\n\n';
const lastEvents = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

interface Upload {
  target: string;
  head: string;
  pieces: Buffer[];
  received: number;
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** Begins its answer before it has read more than the head of a request, and reads the rest when it is told to. */
function startHastyEndpoint() {
  const begun = Promise.withResolvers<Bun.Socket<Upload>>();
  const whole = Promise.withResolvers<Buffer>();
  const answerJson = (socket: Bun.Socket<Upload>) =>
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${listing.length}\r\n\r\n${listing}`,
    );
  const take = (socket: Bun.Socket<Upload>, piece: Buffer) => {
    const upload = socket.data;
    upload.pieces.push(Buffer.from(piece));
    upload.received += piece.length;
    const length = Number(/content-length: (\d+)/i.exec(upload.head)?.[1]);
    if (upload.received >= length) whole.resolve(Buffer.concat(upload.pieces));
  };
  const server = Bun.listen<Upload>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { target: "", head: "", pieces: [], received: 0 };
      },
      data(socket, piece) {
        if (socket.data.head !== "") return take(socket, piece);
        const headEnd = piece.indexOf("\r\n\r\n");
        const head = piece.toString("latin1", 0, headEnd);
        if (!head.startsWith("POST")) return void answerJson(socket);
        socket.data.head = head;
        take(socket, piece.subarray(headEnd + 4));
        socket.pause();
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(firstEvent)}`,
        );
        begun.resolve(socket);
      },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    /** Reads the rest of the body. @returns all of it */
    async readOn(): Promise<Buffer> {
      (await begun.promise).resume();
      return await whole.promise;
    },
    async finish(): Promise<void> {
      (await begun.promise).write(`${chunk(lastEvents)}0\r\n\r\n`);
    },
    [Symbol.dispose]: () => server.stop(true),
  };
}

for (const engine of engineNames) {
  test(`what a large body is held in is given back while it is still sent, and all of it arrives (${engine})`, async () => {
    using endpoint = startHastyEndpoint();
    await using olla = await startOlla({
      endpoints: [{ name: "hasty", url: endpoint.url, type: "openai-compatible" }],
      proxy: { engine },
    });
    const image = Buffer.alloc(mebibytes * 1024 * 1024, "0123456789abcdefg").toString("latin1");
    const body = JSON.stringify({
      messages: [{ role: "user", content: image }],
      stream: true,
      model: "tiny",
    });
    const response = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("so");
    const received = await within(endpoint.readOn(), 20_000, "the endpoint has the whole body");
    expect(received.length).toBe(Buffer.byteLength(body));
    expect(Bun.hash(received)).toBe(Bun.hash(body));
    await endpoint.finish();
    let text = "";
    for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read())
      text += new TextDecoder().decode(piece.value);
    expect(text).toContain("[DONE]");
  }, 30_000);
}
