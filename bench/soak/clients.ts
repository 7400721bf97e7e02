import { HttpReader } from "../http-reader.ts";
import { type Ask, askText, soakModel, tokenPattern } from "./ask.ts";
import type { Ending, Finished, WorkKind } from "./judge.ts";

/** Added to the time that an answer takes by itself: waiting for a place, failing over. */
const lateAfterMs = 60_000;

const doneMarks: Readonly<Record<WorkKind, string>> = {
  stream: "data: [DONE]",
  translated: "event: message_stop",
  small: '"finish_reason":"stop"',
};

const paths: Readonly<Record<WorkKind, string>> = {
  stream: "/olla/proxy/v1/chat/completions",
  translated: "/olla/proxy/v1/messages",
  small: "/olla/proxy/v1/chat/completions",
};

export interface Plan {
  readonly kind: WorkKind;
  readonly ask: Ask;
  /** When the client goes away; undefined when it stays. */
  readonly leaveAfterMs: number | undefined;
}

function renderRequest({ kind, ask }: Plan): string {
  const body = JSON.stringify({
    model: soakModel,
    max_tokens: 500,
    messages: [{ role: "user", content: `Say something short. ${askText(ask)}` }],
    stream: kind !== "small",
  });
  return `POST ${paths[kind]} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Reads one answer and knows whether it is the one that was asked for, whole. */
class AnswerReader {
  readonly #plan: Plan;
  #head: string | undefined;
  /** What came after the last token. */
  #rest = "";
  #nextToken = 0;
  #isDone = false;
  #hasError = false;
  #mistake = "";

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get endpoint(): string | undefined {
    return /\r\nx-olla-endpoint: *([^\r]+)/.exec(this.#head ?? "")?.[1];
  }

  /** The connection takes no further request. */
  get isLast(): boolean {
    return this.#head?.includes("\r\nconnection: close") === true;
  }

  readHead(head: string): void {
    this.#head = head;
  }

  readBody(piece: Buffer): void {
    let text = this.#rest + piece.toString("latin1");
    this.#hasError ||= text.includes('"error":{');
    this.#isDone ||= text.includes(doneMarks[this.#plan.kind]);
    let readUpTo = 0;
    for (const found of text.matchAll(tokenPattern)) {
      readUpTo = found.index + found[0].length;
      if (Number(found[1]) !== this.#plan.ask.nonce) this.#mistake ||= `a token of ${found[1]}`;
      if (Number(found[2]) !== this.#nextToken) this.#mistake ||= `token ${found[2]}, not ${this.#nextToken}`;
      this.#nextToken += 1;
    }
    text = text.slice(readUpTo);
    this.#rest = text.slice(-400);
  }

  /** @param isBroken the connection closed before the end that HTTP announces */
  conclude(isBroken: boolean): { readonly ending: Ending; readonly detail: string } {
    const expected = Math.max(1, this.#plan.ask.tokens);
    if (this.#head === undefined) return { ending: "unanswered", detail: "" };
    if (!this.#head.startsWith("http/1.1 200"))
      return { ending: "refused", detail: `${this.#head.slice(9, 12)} ${this.#rest.slice(0, 200)}` };
    if (this.#mistake !== "") return { ending: "wrong", detail: this.#mistake };
    if (this.#isDone && this.#hasError) return { ending: "wrong", detail: "an error and a clean end" };
    if (this.#hasError) return { ending: "told", detail: `after ${this.#nextToken} of ${expected} tokens` };
    if (isBroken) return { ending: "cut", detail: `after ${this.#nextToken} of ${expected} tokens` };
    if (!this.#isDone) return { ending: "wrong", detail: "it ends without saying so" };
    if (this.#nextToken !== expected)
      return { ending: "wrong", detail: `${this.#nextToken} of ${expected} tokens` };
    return { ending: "complete", detail: "" };
  }
}

interface Exchange {
  readonly reader: AnswerReader;
  readonly end: (isBroken: boolean) => void;
}

/** A kept-alive connection to Olla that carries one request after another. */
class Connection {
  #exchange: Exchange | undefined;
  #socket: Bun.Socket | undefined;
  isOpen = false;

  static async open(port: number): Promise<Connection> {
    const connection = new Connection();
    const reader = new HttpReader({
      onHead: (head) => connection.#exchange?.reader.readHead(head),
      onBody: (piece) => connection.#exchange?.reader.readBody(piece),
      onEnd: () => connection.#exchange?.end(false),
    });
    const gone = (): void => {
      connection.isOpen = false;
      connection.#exchange?.end(true);
    };
    connection.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data: (_socket, piece) => reader.feed(piece), close: gone, error: gone },
    });
    connection.isOpen = true;
    return connection;
  }

  send(request: string, exchange: Exchange): void {
    this.#exchange = exchange;
    this.#socket?.write(request);
  }

  /** As a program that is killed, or a page that is closed: the connection is gone, whatever is still on its way. */
  reset(): void {
    this.isOpen = false;
    this.#exchange = undefined;
    this.#socket?.terminate();
  }
}

/** A client that has one request under way at any time. */
export class SoakClient {
  readonly #port: number;
  readonly #report: (finished: Finished) => void;
  #connection: Connection | undefined;

  constructor(port: number, report: (finished: Finished) => void) {
    this.#port = port;
    this.#report = report;
  }

  /** Asks until there is no further plan, and hangs up. */
  async run(nextPlan: () => Plan | undefined, pauseMs: (after: Finished) => number): Promise<void> {
    for (let plan = nextPlan(); plan !== undefined; plan = nextPlan()) {
      const finished = await this.#ask(plan);
      this.#report(finished);
      const pause = pauseMs(finished);
      if (pause > 0) await Bun.sleep(pause);
    }
    this.#connection?.reset();
  }

  async #connect(): Promise<Connection | undefined> {
    if (this.#connection?.isOpen === true) return this.#connection;
    try {
      this.#connection = await Connection.open(this.#port);
    } catch {
      this.#connection = undefined;
    }
    return this.#connection;
  }

  async #ask(plan: Plan): Promise<Finished> {
    const { kind, ask, leaveAfterMs } = plan;
    const reader = new AnswerReader(plan);
    const ended = Promise.withResolvers<{ readonly ending: Ending; readonly detail: string }>();
    const connection = await this.#connect();
    if (connection === undefined)
      return {
        kind,
        nonce: ask.nonce,
        ending: "unanswered",
        endpoint: undefined,
        detail: "nobody listens",
      };
    const giveUp = (ending: "left" | "late") => (): void => {
      connection.reset();
      ended.resolve({ ending, detail: "" });
    };
    const ownMs = ask.thinkMs + ask.tokens * ask.intervalMs;
    const late = setTimeout(giveUp("late"), ownMs + lateAfterMs);
    const leave = leaveAfterMs === undefined ? undefined : setTimeout(giveUp("left"), leaveAfterMs);
    connection.send(renderRequest(plan), {
      reader,
      end: (isBroken) => ended.resolve(reader.conclude(isBroken)),
    });
    const { ending, detail } = await ended.promise;
    clearTimeout(late);
    clearTimeout(leave);
    if (reader.isLast) connection.reset();
    return { kind, nonce: ask.nonce, ending, endpoint: reader.endpoint, detail };
  }
}
