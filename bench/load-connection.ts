import { HttpReader } from "./http-reader.ts";
import { Outbox } from "./outbox.ts";
import type { Tally } from "./tally.ts";
import { wallMicroseconds } from "./workload.ts";

const sentAtMark = Buffer.from('"sent_at":"');
const sentAtDigits = String(wallMicroseconds()).length;
const newline = 0x0a;

/** What a connection asks for, again and again. */
export interface Plan {
  readonly hostname: string;
  readonly port: number;
  readonly request: Buffer;
  readonly isStream: boolean;
  /** Those in a whole stream, however a proxy cut it into pieces. Undefined where the proxy writes events of its own. */
  readonly newlines: number | undefined;
  /** Pause between two requests. */
  readonly everyMs: number;
  /** Whether one more request is to be sent; it counts as sent then. */
  takeNext(): boolean;
}

/** A kept-alive connection over a bare socket. */
export class LoadConnection {
  readonly #plan: Plan;
  readonly #tally: Tally;
  readonly #outbox = new Outbox();
  readonly #reader: HttpReader;
  readonly #finished = Promise.withResolvers<void>();
  #socket: Bun.Socket | undefined;
  #sentAt = 0;
  #isAsking = false;
  #isDone = false;
  #isRefused = false;
  #hasToken = false;
  #newlines = 0;

  constructor(plan: Plan, tally: Tally) {
    this.#plan = plan;
    this.#tally = tally;
    this.#reader = new HttpReader({
      onHead: (head) => {
        this.#isRefused = !head.startsWith("http/1.1 200");
      },
      onBody: (piece) => {
        if (plan.isStream && !this.#isRefused) this.#readEvents(piece);
      },
      onEnd: () => this.#end(),
    });
  }

  /** Until no request is left to send, or the other side hangs up. */
  async run(): Promise<void> {
    const { hostname, port } = this.#plan;
    try {
      this.#socket = await Bun.connect({
        hostname,
        port,
        socket: {
          data: (_socket, piece) => this.#reader.feed(piece),
          drain: (socket) => this.#outbox.drain(socket),
          close: () => this.#lose(),
          error: () => this.#lose(),
        },
      });
    } catch {
      this.#tally.errors += 1;
      return;
    }
    this.#next();
    await this.#finished.promise;
  }

  #next(): void {
    if (this.#socket === undefined) return;
    if (!this.#plan.takeNext()) {
      this.#isDone = true;
      this.#socket.end();
      this.#finished.resolve();
      return;
    }
    this.#isAsking = true;
    this.#hasToken = false;
    this.#newlines = 0;
    this.#sentAt = Bun.nanoseconds();
    this.#outbox.send(this.#socket, this.#plan.request);
  }

  #microsecondsSinceSent(): number {
    return (Bun.nanoseconds() - this.#sentAt) / 1_000;
  }

  #readEvents(piece: Buffer): void {
    if (!this.#hasToken) {
      this.#hasToken = true;
      this.#tally.firstToken.record(this.#microsecondsSinceSent());
      this.#tally.openStream();
    }
    const now = wallMicroseconds();
    for (let at = piece.indexOf(sentAtMark); at >= 0; at = piece.indexOf(sentAtMark, at + 1)) {
      const from = at + sentAtMark.length;
      // Where the piece ends within the digits there is one time less.
      if (from + sentAtDigits > piece.length) break;
      this.#tally.lag.record(now - Number(piece.toString("latin1", from, from + sentAtDigits)));
    }
    for (let at = piece.indexOf(newline); at >= 0; at = piece.indexOf(newline, at + 1)) this.#newlines += 1;
  }

  #end(): void {
    const { isStream, newlines, everyMs } = this.#plan;
    this.#isAsking = false;
    if (this.#hasToken) this.#tally.closeStream();
    const isShort = isStream && newlines !== undefined && this.#newlines !== newlines;
    if (this.#isRefused || isShort) this.#tally.errors += 1;
    else this.#tally.answers += 1;
    if (!isStream) this.#tally.latency.record(this.#microsecondsSinceSent());
    if (everyMs > 0) setTimeout(() => this.#next(), everyMs);
    else this.#next();
  }

  #lose(): void {
    // Between two answers it is a failure as well: the job would go on with fewer connections than it says.
    if (!this.#isDone) this.#tally.errors += 1;
    if (this.#isAsking && this.#hasToken) this.#tally.closeStream();
    this.#isDone = true;
    this.#isAsking = false;
    this.#socket = undefined;
    this.#finished.resolve();
  }
}
