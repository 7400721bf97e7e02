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

/** The requests under way, in the order in which they came. */
export class LiveRequests {
  readonly #requests = new Set<LiveRequest>();

  add(request: LiveRequest): void {
    this.#requests.add(request);
  }

  remove(request: LiveRequest): void {
    this.#requests.delete(request);
  }

  get size(): number {
    return this.#requests.size;
  }

  [Symbol.iterator](): Iterator<LiveRequest> {
    return this.#requests.values();
  }

  /** Clients choose their ids, so several may share one. @returns how many were ended */
  cancel(requestId: string): number {
    const found = [...this.#requests].filter((request) => request.requestId === requestId);
    for (const request of found) request.cancel();
    return found.length;
  }
}
