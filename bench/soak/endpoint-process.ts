// A backend for the soak, run as a process of its own by endpoint.ts, which tells it when to fall down and to come back.
import { HttpReader } from "../http-reader.ts";
import { type Ask, parseAsk, soakModel, tokenText } from "./ask.ts";
import type { EndpointFigures, EndpointNews, EndpointOrder } from "./endpoint.ts";

/** As short as that of usual Python servers: connections die between two requests all the time. */
const keepAliveMs = 5_000;
/** What was answered this short a time before a reset may not have reached anybody. */
const settlingMs = 1_000;

interface Connection {
  readonly reader: HttpReader;
  isClosing: boolean;
  idleSince: number | undefined;
  ask: Ask | undefined;
  timer: NodeJS.Timeout | undefined;
}

type Socket = Bun.Socket<Connection>;

const connections = new Set<Socket>();
const figures = { requests: 0, left: 0, shortWrites: 0 };
let answered: { readonly nonce: number; readonly at: number }[] = [];

function tell(news: EndpointNews): void {
  process.send?.(news);
}

function send(socket: Socket, content: string): void {
  if (socket.write(content) >= content.length) return;
  // Nobody reads: the rest would be missing in the middle of the answer.
  figures.shortWrites += 1;
  socket.terminate();
}

function finish(socket: Socket, nonce?: number): void {
  const now = performance.now();
  clearTimeout(socket.data.timer);
  socket.data.ask = undefined;
  socket.data.idleSince = now;
  if (nonce !== undefined) answered.push({ nonce, at: now });
}

function whole(socket: Socket, body: object, nonce?: number): void {
  const text = JSON.stringify(body);
  send(
    socket,
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  );
  finish(socket, nonce);
}

function completion(nonce: number): object {
  return {
    id: `chatcmpl-${nonce}`,
    object: "chat.completion",
    created: 1,
    model: soakModel,
    choices: [
      { index: 0, message: { role: "assistant", content: tokenText(nonce, 0) }, finish_reason: "stop" },
    ],
    usage: { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 },
  };
}

function event(nonce: number, choice: object, usage?: object): string {
  const head = { id: `chatcmpl-${nonce}`, object: "chat.completion.chunk", created: 1, model: soakModel };
  const choices = usage === undefined ? [{ index: 0, ...choice }] : [];
  const text = `data: ${JSON.stringify({ ...head, choices, ...(usage && { usage }) })}\n\n`;
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function stream(socket: Socket, { nonce, tokens, intervalMs }: Ask): void {
  let sent = 0;
  send(socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  const sendNext = (): void => {
    if (sent < tokens) {
      send(socket, event(nonce, { delta: { content: tokenText(nonce, sent) }, finish_reason: null }));
      sent += 1;
      return;
    }
    const usage = { prompt_tokens: 12, completion_tokens: tokens, total_tokens: 12 + tokens };
    const last = event(nonce, { delta: {}, finish_reason: "stop" }) + event(nonce, {}, usage);
    send(socket, `${last}e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n`);
    finish(socket, nonce);
  };
  socket.data.timer = setInterval(sendNext, intervalMs);
  sendNext();
}

function answer(socket: Socket, target: string, body: string): void {
  const ask = parseAsk(body);
  if (ask === undefined) {
    if (target === "/v1/models")
      whole(socket, { object: "list", data: [{ id: soakModel, object: "model", created: 1 }] });
    else whole(socket, {});
    return;
  }
  figures.requests += 1;
  socket.data.ask = ask;
  socket.data.timer = setTimeout(() => {
    if (ask.tokens === 0) whole(socket, completion(ask.nonce), ask.nonce);
    else stream(socket, ask);
  }, ask.thinkMs);
}

function receive(socket: Socket): Connection {
  let target = "";
  let body = "";
  const reader = new HttpReader({
    onHead(head) {
      socket.data.idleSince = undefined;
      target = head.split(" ", 2)[1] ?? "";
      body = "";
    },
    onBody(piece) {
      body += piece.toString("latin1");
    },
    onEnd: () => answer(socket, target, body),
  });
  return { reader, isClosing: false, idleSince: performance.now(), ask: undefined, timer: undefined };
}

function listen(port: number): Bun.TCPSocketListener<Connection> {
  return Bun.listen<Connection>({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.data = receive(socket);
        connections.add(socket);
      },
      data(socket, piece) {
        // What comes after our end of the connection is not answered: its sender has to ask again.
        if (!socket.data.isClosing) socket.data.reader.feed(piece);
      },
      close(socket) {
        connections.delete(socket);
        clearTimeout(socket.data.timer);
        if (socket.data.ask !== undefined) figures.left += 1;
      },
    },
  });
}

/** Stops listening and resets whatever is open. */
function fallDown(): void {
  listener?.stop();
  listener = undefined;
  const recent = performance.now() - settlingMs;
  const cut = answered.filter(({ at }) => at > recent).map(({ nonce }) => nonce);
  for (const socket of connections) {
    if (socket.data.ask !== undefined) cut.push(socket.data.ask.nonce);
    clearTimeout(socket.data.timer);
    socket.data.ask = undefined;
    socket.terminate();
  }
  tell({ kind: "down", cut });
}

function readFigures(): EndpointFigures {
  const open = [...connections];
  const busy = open.filter(({ data }) => data.ask !== undefined).length;
  return { ...figures, connections: open.length, busy };
}

function closeIdleConnections(): void {
  const now = performance.now();
  answered = answered.filter(({ at }) => at > now - settlingMs);
  for (const socket of connections) {
    const { idleSince, isClosing } = socket.data;
    if (isClosing || idleSince === undefined || now - idleSince < keepAliveMs) continue;
    socket.data.isClosing = true;
    socket.end();
  }
}

let listener: Bun.TCPSocketListener<Connection> | undefined = listen(0);
const { port: ownPort } = listener;
setInterval(closeIdleConnections, 500);
process.on("disconnect", () => process.exit());
process.on("message", (order: EndpointOrder) => {
  if (order === "down") fallDown();
  else if (order === "up") {
    listener ??= listen(ownPort);
    tell({ kind: "up" });
  } else tell({ kind: "figures", figures: readFigures() });
});
tell({ kind: "ready", port: ownPort });
