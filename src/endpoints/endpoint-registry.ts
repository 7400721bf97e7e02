import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  afterPassiveFailure,
  afterProbe,
  beginCheck,
  type EndpointHealth,
  initialHealth,
  lostAfterConnectFailures,
  type Moment,
} from "./endpoint-health.ts";
import type { EndpointStatus } from "./endpoint-status.ts";
import type { ProbeResult } from "./probe-result.ts";

export interface EndpointState {
  readonly endpoint: Endpoint;
  readonly health: EndpointHealth;
  /** An operator wants it to get nothing new; what runs there goes on. */
  readonly isDraining?: boolean;
}

export interface StatusChange {
  readonly endpoint: Endpoint;
  readonly from: EndpointStatus;
  readonly to: EndpointStatus;
  /** Who noticed: a health check, or a request that could not be sent. */
  readonly cause: "probe" | "traffic";
}

export type Unsubscribe = () => void;

export interface EndpointRegistryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Who is there and may be used. Readers get whole snapshots that never change; whoever learns something about an
 * endpoint reports it here. Everything is synchronous.
 */
export class EndpointRegistry {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #states: readonly EndpointState[] = [];
  #edition: object = {};
  #indexByName: ReadonlyMap<string, number> = new Map();
  /** When each endpoint was last heard from. Beside the snapshot, because every answered request writes it. */
  readonly #contacts = new Map<string, number>();
  /** Names, so that an endpoint stays out while its record is swapped. */
  readonly #draining = new Set<string>();
  readonly #statusListeners = new Set<(change: StatusChange) => void>();
  readonly #lostListeners = new Set<(endpoint: Endpoint) => void>();
  readonly #replacedListeners = new Set<() => void>();
  readonly #drainingListeners = new Set<(endpoint: Endpoint) => void>();

  constructor(endpoints: readonly Endpoint[], options: EndpointRegistryOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.replaceAll(endpoints);
  }

  /** In configuration order. The same array until something changes, and every check changes something. */
  snapshot(): readonly EndpointState[] {
    return this.#states;
  }

  /** Another object whenever an endpoint, its status or its draining has changed: all that requests are routed by. */
  get edition(): object {
    return this.#edition;
  }

  byName(name: string): EndpointState | undefined {
    const index = this.#indexByName.get(name);
    return index === undefined ? undefined : this.#states[index];
  }

  /**
   * Called before a check. A refusal (breaker open, rate limited) is already noted, with the time of the next check.
   * @param isForced an operator asks: whatever would refuse begins anew
   * @returns what goes back with `applyProbe`, or `undefined` when nothing must be sent
   */
  beginProbe(name: string, isForced = false): { readonly token: number | undefined } | undefined {
    const state = this.byName(name);
    if (state === undefined) return undefined;
    const permit = beginCheck(state.health, state.endpoint, this.#clock.now(), isForced);
    this.#setHealth(state, permit.health, "probe");
    return permit.mayCheck ? { token: permit.token } : undefined;
  }

  /** Takes in the result of a health check; `token` is what `beginProbe` gave. Unknown names are ignored. */
  applyProbe(name: string, result: ProbeResult, token?: number): void {
    const state = this.byName(name);
    if (state === undefined) return;
    if (result.httpStatus !== undefined) this.#contacts.set(name, this.#clock.now());
    const next = afterProbe(state.health, result, state.endpoint, { moment: this.#moment(), token });
    this.#setHealth(state, next, "probe");
    const isLost =
      next.connectFailures === lostAfterConnectFailures &&
      state.health.connectFailures < next.connectFailures;
    if (isLost) this.#notify(this.#lostListeners, state.endpoint, "an endpoint that is gone");
  }

  /**
   * A request could not be sent: refused, unreachable, no connection in time, or reset before the answer began.
   * `attemptStartedAt` is monotonic. Never called for a client that left, nor for an answer of any status.
   */
  reportFailure(name: string, attemptStartedAt: number): void {
    const state = this.byName(name);
    if (state === undefined) return;
    const next = afterPassiveFailure(state.health, state.endpoint, this.#moment(), attemptStartedAt);
    this.#setHealth(state, next, "traffic");
  }

  /** A request was answered, whatever the status. Cheap: it only notes the time. */
  reportSuccess(name: string): void {
    if (this.#indexByName.has(name)) this.#contacts.set(name, this.#clock.now());
  }

  /** From now on it gets nothing new, or may again. @returns false for a name that is unknown */
  setDraining(name: string, isDraining: boolean): boolean {
    const state = this.byName(name);
    const index = this.#indexByName.get(name);
    if (state === undefined || index === undefined) return false;
    if (this.#draining.has(name) === isDraining) return true;
    if (isDraining) this.#draining.add(name);
    else this.#draining.delete(name);
    this.#states = this.#states.with(index, this.#withDraining(state.endpoint, state.health));
    this.#edition = {};
    this.#notify(this.#drainingListeners, state.endpoint, "a drained endpoint");
    return true;
  }

  /** Names; the very same set for good. */
  get draining(): ReadonlySet<string> {
    return this.#draining;
  }

  /** Milliseconds since a probe or request was last answered there; Infinity when that never happened. */
  contactAgeMs(name: string): number {
    const contactAt = this.#contacts.get(name);
    return contactAt === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() - contactAt;
  }

  /** Swaps in a changed record of the same name, as when its kind was found out. Unknown names are ignored. */
  replaceEndpoint(endpoint: Endpoint): void {
    const index = this.#indexByName.get(endpoint.name);
    if (index === undefined) return;
    this.#states = this.#states.with(index, this.#stateFor(endpoint));
    this.#edition = {};
    this.#notify(this.#replacedListeners, undefined, "replaced endpoints");
  }

  /** Swaps in a whole configuration. An endpoint with the same name and URL keeps its health; others start afresh. */
  replaceAll(endpoints: readonly Endpoint[]): void {
    this.#states = endpoints.map((endpoint) => this.#stateFor(endpoint));
    this.#edition = {};
    this.#indexByName = new Map(endpoints.map((endpoint, index) => [endpoint.name, index]));
    for (const name of this.#contacts.keys()) {
      if (!this.#indexByName.has(name)) this.#contacts.delete(name);
    }
    for (const name of this.#draining) if (!this.#indexByName.has(name)) this.#draining.delete(name);
    this.#notify(this.#replacedListeners, undefined, "replaced endpoints");
  }

  /** Called after every change of a status, with the new snapshot in place. */
  onStatusChange(listener: (change: StatusChange) => void): Unsubscribe {
    return subscribe(this.#statusListeners, listener);
  }

  /**
   * Called when a second check in a row could not even connect: requests that still wait there for a first byte wait
   * in vain.
   */
  onEndpointLost(listener: (endpoint: Endpoint) => void): Unsubscribe {
    return subscribe(this.#lostListeners, listener);
  }

  /** Called after `setDraining` has changed something. */
  onDrainingChange(listener: (endpoint: Endpoint) => void): Unsubscribe {
    return subscribe(this.#drainingListeners, listener);
  }

  /** Called after `replaceEndpoint` and `replaceAll`. */
  onEndpointsReplaced(listener: () => void): Unsubscribe {
    return subscribe(this.#replacedListeners, listener);
  }

  #stateFor(endpoint: Endpoint): EndpointState {
    const current = this.byName(endpoint.name);
    if (current?.endpoint.url === endpoint.url) return this.#withDraining(endpoint, current.health);
    this.#contacts.delete(endpoint.name);
    return this.#withDraining(endpoint, initialHealth(this.#clock.now()));
  }

  #withDraining(endpoint: Endpoint, health: EndpointHealth): EndpointState {
    return this.#draining.has(endpoint.name) ? { endpoint, health, isDraining: true } : { endpoint, health };
  }

  #setHealth(state: EndpointState, health: EndpointHealth, cause: StatusChange["cause"]): void {
    const index = this.#indexByName.get(state.endpoint.name);
    if (health === state.health || index === undefined) return;
    this.#states = this.#states.with(index, this.#withDraining(state.endpoint, health));
    const { status: from } = state.health;
    if (from === health.status) return;
    this.#edition = {};
    const change: StatusChange = { endpoint: state.endpoint, from, to: health.status, cause };
    this.#notify(this.#statusListeners, change, "a changed endpoint status");
  }

  #notify<Event>(listeners: ReadonlySet<(event: Event) => void>, event: Event, what: string): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        // One listener's fault must stop neither the others nor the loop that reported.
        this.#logger.error(`A listener for ${what} failed`, { error: describe(error) });
      }
    }
  }

  #moment(): Moment {
    return { now: this.#clock.now(), wallTime: this.#clock.wallTime() };
  }
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): Unsubscribe {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
