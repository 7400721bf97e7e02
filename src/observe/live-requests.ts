import { Slots } from "../lib/slots.ts";

/** What a request is busy with. `queued`: waits for a place; `waiting`: for the endpoint's first byte. */
export type LivePhase = "receiving" | "routing" | "queued" | "waiting" | "streaming";

/** One request that has not ended. Read when somebody looks, never copied. */
export interface LiveRequest {
  readonly requestId: string;
  /** Monotonic milliseconds. */
  readonly receivedAt: number;
  readonly method: string;
  /** As received, without the query. */
  readonly path: string;
  readonly clientAddress: string;
  readonly clientKeyName: string | undefined;
  /** As the client asked for it. */
  readonly model: string | undefined;
  /** The endpoint that is being asked, or answers; undefined between two. */
  readonly busyEndpointName: string | undefined;
  readonly phase: LivePhase;
  readonly wantsStream: boolean;
  readonly attemptCount: number;
  cancel(): void;
}

/** The requests under way. */
export class LiveRequests {
  readonly #slots = new Slots<LiveRequest>();

  /** @returns the slot, for `remove` */
  add(request: LiveRequest): number {
    return this.#slots.add(request);
  }

  remove(slot: number): void {
    this.#slots.remove(slot);
  }

  get size(): number {
    return this.#slots.size;
  }

  /** The oldest first. */
  all(): readonly LiveRequest[] {
    return this.#slots.all().sort((left, right) => left.receivedAt - right.receivedAt);
  }

  /** Clients choose their ids, so several may share one. @returns how many were ended */
  cancel(requestId: string): number {
    const found = this.all().filter((request) => request.requestId === requestId);
    for (const request of found) request.cancel();
    return found.length;
  }
}
