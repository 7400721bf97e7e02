interface Writable {
  write(content: string | Buffer): number;
}

/** Writes everything, in order, however little a socket takes at once: sockets of the runtime keep nothing for later. */
export class Outbox {
  readonly #waiting: Buffer[] = [];

  send(socket: Writable, content: string | Buffer): void {
    if (this.#waiting.length > 0) {
      this.#waiting.push(Buffer.from(content));
      return;
    }
    const written = socket.write(content);
    if (written < content.length) this.#waiting.push(Buffer.from(content).subarray(Math.max(0, written)));
  }

  /** Goes on when the socket takes more. */
  drain(socket: Writable): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const written = Math.max(0, socket.write(next));
      if (written === next.length) continue;
      this.#waiting.unshift(next.subarray(written));
      return;
    }
  }
}
