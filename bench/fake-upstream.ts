// A backend that costs as little as possible, in a process of its own: `bun bench/fake-upstream.ts`.
// Prints its port. A body that contains "stream":true gets 50 paced events, each with the time of its sending.
import { HttpReader } from "./http-reader.ts";
import { chunkCount, chunkIntervalMs, wallMicroseconds } from "./workload.ts";

const completion = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1795207903,
  model: "bench",
  choices: [{ index: 0, message: { role: "assistant", content: "A short answer." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 },
});
const list = JSON.stringify({
  object: "list",
  data: [{ id: "bench", object: "model", created: 1, owned_by: "bench" }],
});

function whole(body: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.from(head + body);
}

const answers = { completion: whole(completion), list: whole(list), health: whole("{}") };
const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n",
);

function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}

function tokenEvent(index: number): string {
  const sentAt = wallMicroseconds();
  return `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1795207903,"model":"bench","sent_at":"${sentAt}","choices":[{"index":0,"delta":{"content":" word ${index}"},"finish_reason":null}]}\n\n`;
}

interface Writable {
  write(content: string | Buffer): number;
}

function stream(socket: Writable): void {
  let sent = 0;
  socket.write(streamHead);
  const sendNext = (): void => {
    if (sent < chunkCount) {
      socket.write(chunk(tokenEvent(sent)));
      sent += 1;
      return;
    }
    clearInterval(timer);
    socket.write(`${chunk("data: [DONE]\n\n")}0\r\n\r\n`);
  };
  const timer = setInterval(sendNext, chunkIntervalMs);
  sendNext();
}

const server = Bun.listen<HttpReader>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      let isStream = false;
      let target = "";
      socket.data = new HttpReader({
        onHead(head) {
          target = head.slice(head.indexOf(" ") + 1, head.indexOf(" ", head.indexOf(" ") + 1));
          isStream = false;
        },
        onBody(piece) {
          isStream ||= piece.includes('"stream":true');
        },
        onEnd() {
          if (isStream) stream(socket);
          else if (target === "/v1/models") socket.write(answers.list);
          else if (target === "/health") socket.write(answers.health);
          else socket.write(answers.completion);
        },
      });
    },
    data: (socket, piece) => socket.data.feed(piece),
  },
});

console.log(server.port);
