import { useEffect, useState } from "preact/hooks";
import { askJson } from "./api.ts";
import type { ServerEvent } from "./event-stream.ts";
import { FeedClient, type FeedState } from "./feed-client.ts";
import { joinRates } from "./series.ts";
import type {
  ConfigState,
  EndpointEntry,
  Hello,
  LiveRow,
  RateColumns,
  RequestRow,
  SystemEntry,
  Tick,
} from "./wire.ts";

/** All that the page knows of Olla from its feed. */
export interface Knowledge {
  readonly feed: FeedState;
  /** Milliseconds since the epoch, on this machine's clock; undefined before the first event. */
  readonly heardAt: number | undefined;
  /** How far Olla's clock is ahead of this machine's, in milliseconds. */
  readonly clockAheadMs: number;
  readonly version: string | undefined;
  readonly startedAt: string | undefined;
  readonly canAct: boolean;
  /** Undefined where the configuration cannot be read again. */
  readonly config: ConfigState | undefined;
  readonly system: SystemEntry | undefined;
  readonly endpoints: readonly EndpointEntry[];
  readonly inFlight: number;
  readonly rates: RateColumns | undefined;
  /** Undefined for those who may not see single requests. */
  readonly live: readonly LiveRow[] | undefined;
  /** The last ones that ended, newest first. */
  readonly ended: readonly RequestRow[];
}

const mostEnded = 200;

let knowledge: Knowledge = {
  feed: { kind: "connecting" },
  heardAt: undefined,
  clockAheadMs: 0,
  version: undefined,
  startedAt: undefined,
  canAct: false,
  config: undefined,
  system: undefined,
  endpoints: [],
  inFlight: 0,
  rates: undefined,
  live: undefined,
  ended: [],
};
const watchers = new Set<() => void>();

function update(changes: Partial<Knowledge>): void {
  knowledge = { ...knowledge, ...changes };
  for (const watcher of watchers) watcher();
}

/** Renders anew with every event. */
export function useKnowledge(): Knowledge {
  const [, renderAgain] = useState(0);
  useEffect(() => {
    const watcher = () => renderAgain((count) => count + 1);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, []);
  return knowledge;
}

/** Milliseconds since the epoch as Olla's clock has it. */
export function ollaTime(): number {
  return Date.now() + knowledge.clockAheadMs;
}

export const feed = new FeedClient({
  onState(state) {
    if (state.kind === "live" && knowledge.feed.kind === "live") return;
    update({ feed: state });
  },
  onEvent: take,
});

function take({ name, text }: ServerEvent): void {
  if (name === "hello") takeHello(JSON.parse(text) as Hello);
  if (name === "tick") takeTick(JSON.parse(text) as Tick);
}

function takeHello(hello: Hello): void {
  update({
    ...stateOf(hello),
    version: hello.version,
    startedAt: hello.started_at,
    canAct: hello.can_act,
    rates: hello.history,
    ended: hello.can_see_requests ? knowledge.ended : [],
  });
  if (hello.can_see_requests) void fetchEnded();
}

function takeTick(tick: Tick): void {
  update({
    ...stateOf(tick),
    rates: joinRates(knowledge.rates, tick.rates),
    ...(tick.ended && { ended: merge([...tick.ended.requests].reverse(), knowledge.ended) }),
  });
}

function stateOf(state: Hello | Tick): Partial<Knowledge> {
  return {
    heardAt: Date.now(),
    clockAheadMs: Date.parse(state.time) - Date.now(),
    config: state.config,
    system: state.system,
    endpoints: state.endpoints,
    inFlight: state.in_flight,
    live: state.live,
  };
}

/** What ended before the page was there, or while it was hidden. */
async function fetchEnded(): Promise<void> {
  try {
    const { requests } = await askJson<{ requests: readonly RequestRow[] }>("/internal/requests?limit=50");
    const traffic = requests.filter(({ path }) => !path.startsWith("/internal/"));
    update({ ended: merge(knowledge.ended, traffic) });
  } catch {
    // Then the list begins with what the feed tells from now on.
  }
}

function merge(newer: readonly RequestRow[], older: readonly RequestRow[]): RequestRow[] {
  const known = new Set(newer.map(rowKey));
  const all = [...newer, ...older.filter((row) => !known.has(rowKey(row)))];
  return all.sort((left, right) => endOf(right) - endOf(left)).slice(0, mostEnded);
}

/** Clients choose ids, so that an id alone is nobody's own. */
export function rowKey({ id, time }: RequestRow): string {
  return `${id} ${new Date(time).getTime()}`;
}

/** When it ended, in milliseconds since the epoch. */
export function endOf({ time, duration_ms }: RequestRow): number {
  return new Date(time).getTime() + duration_ms;
}
