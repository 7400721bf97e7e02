// A backend that costs as little as possible, in a process of its own: `bun bench/fake-upstream.ts [port]`.
// Prints its port. A body that contains "stream":true gets paced events, each with the time of its sending. It answers under every
// base path, so that one process is as many endpoints as wanted; those below `/many/` have 2,000 models each.
import { HttpReader } from "./http-reader.ts";
import { Outbox } from "./outbox.ts";
import { type Pace, readPace, usualPace, wallMicroseconds } from "./workload.ts";

const manyModels = 2_000;

const completion = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1795207903,
  model: "bench",
  choices: [{ index: 0, message: { role: "assistant", content: "A short answer." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 },
});

function listOf(names: readonly string[]): string {
  const models = names.map((id) => ({ id, object: "model", created: 1, owned_by: "bench" }));
  return JSON.stringify({ object: "list", data: models });
}

function whole(body: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.from(head + body);
}

const manyNames = Array.from(
  { length: manyModels - 1 },
  (_, index) => `organisation/model-${index}-instruct`,
);
const answers = {
  completion: whole(completion),
  list: whole(listOf(["bench"])),
  longList: whole(listOf(["bench", ...manyNames])),
  health: whole("{}"),
};
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

const end = `${chunk("data: [DONE]\n\n")}0\r\n\r\n`;

/** @returns the timer, for when the connection is closed before the end */
function stream(send: (content: string | Buffer) => void, { chunks, everyMs }: Pace): Timer {
  let sent = 0;
  send(streamHead);
  const sendNext = (): void => {
    if (sent < chunks) {
      send(chunk(tokenEvent(sent)));
      sent += 1;
      return;
    }
    clearInterval(timer);
    send(end);
  };
  const timer = setInterval(sendNext, everyMs);
  sendNext();
  return timer;
}

function answerTo(target: string): Buffer {
  if (target.endsWith("/models")) return target.startsWith("/many/") ? answers.longList : answers.list;
  return target.endsWith("/health") ? answers.health : answers.completion;
}

interface Connection {
  readonly reader: HttpReader;
  readonly outbox: Outbox;
  timer: Timer | undefined;
}

const server = Bun.listen<Connection>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  socket: {
    open(socket) {
      let pace: Pace | undefined;
      let target = "";
      const outbox = new Outbox();
      const send = (content: string | Buffer) => outbox.send(socket, content);
      const reader = new HttpReader({
        onHead(head) {
          target = head.slice(head.indexOf(" ") + 1, head.indexOf(" ", head.indexOf(" ") + 1));
          pace = undefined;
        },
        onBody(piece) {
          if (pace === undefined && piece.includes('"stream":true'))
            pace = piece.includes('"pace-') ? readPace(piece.toString("latin1")) : usualPace;
        },
        onEnd() {
          if (pace === undefined) send(answerTo(target));
          else connection.timer = stream(send, pace);
        },
      });
      const connection: Connection = { reader, outbox, timer: undefined };
      socket.data = connection;
    },
    data: (socket, piece) => socket.data.reader.feed(piece),
    drain: (socket) => socket.data.outbox.drain(socket),
    close: (socket) => clearInterval(socket.data.timer),
  },
});

console.log(server.port);
