import type { OllaError } from "../../errors.ts";
import { toJsonBytes } from "../wire.ts";

const number = /"sequence_number"\s*:\s*(\d+)/g;
const encoder = new TextEncoder();

/**
 * For a Responses stream that passes through untouched: what to say when it breaks. Only the last pieces are kept, and
 * nothing is read in them until then.
 */
export class PassingResponses {
  #last: Uint8Array | undefined;
  #beforeLast: Uint8Array | undefined;

  push(chunk: Uint8Array): void {
    this.#beforeLast = this.#last;
    this.#last = chunk;
  }

  /**
   * An `error` event with the next number: official clients throw on it, and Codex asks again because no
   * `response.completed` came.
   */
  renderError({ message, code }: OllaError): Uint8Array<ArrayBuffer> {
    const event = {
      type: "error",
      code,
      message,
      param: null,
      sequence_number: this.#next(),
      source: "olla",
    };
    // The empty line ends whatever event was under way.
    const head = encoder.encode("\n\nevent: error\ndata: ");
    return new Uint8Array(Buffer.concat([head, toJsonBytes(event), encoder.encode("\n\n")]));
  }

  #next(): number {
    const kept = [this.#beforeLast, this.#last].filter((chunk) => chunk !== undefined);
    const text = Buffer.concat(kept).toString("latin1");
    const seen = [...text.matchAll(number)].at(-1)?.[1];
    return seen === undefined ? 0 : Number(seen) + 1;
  }
}
