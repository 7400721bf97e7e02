// What Olla's routes answer, as far as the page shows it. Everything may be missing: the page outlives versions.
import type { RateHistory } from "../../observe/live-rates.ts";
import type { DecisionTrace, RequestTimings, RequestRow as Row } from "../../observe/request-row.ts";

export type { DecisionTrace } from "../../observe/request-row.ts";
export type RateColumns = RateHistory;
export type Timings = RequestTimings;
/** In lists of the past with a time as text, in the feed with milliseconds. */
export type RequestRow = Omit<Row, "time"> & { readonly time: number | string };

export interface Breaker {
  readonly state: string;
  readonly retry_in?: string;
  readonly models?: readonly (Breaker & { readonly model: string })[];
}

export interface EndpointEntry {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly draining?: boolean;
  readonly url: string;
  readonly priority: number;
  readonly model_count: number;
  readonly loaded_models?: readonly string[];
  readonly request_count: number;
  readonly active_connections: number;
  readonly success_rate: string;
  readonly avg_latency_ms?: number;
  readonly max_latency_ms: number;
  readonly health_check_at?: string;
  readonly next_check_at?: string;
  readonly response_time?: string;
  readonly issues?: string;
  readonly circuit_breaker?: Breaker;
  readonly queue?: { readonly depth: number };
  readonly cooldown_until?: string;
}

export interface SystemEntry {
  readonly status: string;
  readonly endpoints_up: string;
  readonly success_rate: string;
  readonly avg_latency: string;
  readonly total_traffic: string;
  readonly total_requests: number;
  readonly total_failures: number;
  readonly queue?: { readonly waiting: number };
}

export interface LiveRow {
  readonly id: string;
  readonly started_at: string;
  readonly elapsed_ms: number;
  readonly method: string;
  readonly path: string;
  readonly client: string;
  readonly key?: string;
  readonly model?: string;
  readonly endpoint?: string;
  readonly phase: string;
  readonly stream: boolean;
  readonly attempts: number;
}

/** Whether the file that the operator has written is the one in force. */
export interface ConfigState {
  readonly file: string | null;
  readonly in_force_since: string;
  readonly is_current: boolean;
  readonly last_reload?: {
    readonly time: string;
    readonly errors: number;
    readonly restart_required: readonly string[];
  };
}

/** What became of one reading of the configuration. */
export interface Reload {
  readonly status: "reloaded" | "unchanged" | "rejected";
  readonly time: string;
  readonly restart_required: readonly string[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

interface State {
  readonly time: string;
  readonly config?: ConfigState;
  readonly system: SystemEntry;
  readonly endpoints: readonly EndpointEntry[];
  readonly in_flight: number;
  readonly live?: readonly LiveRow[];
}

export interface Hello extends State {
  readonly version: string;
  readonly started_at: string;
  readonly can_act: boolean;
  readonly can_see_requests: boolean;
  readonly history: RateColumns;
}

export interface Tick extends State {
  readonly rates: RateColumns;
  readonly ended?: { readonly requests: readonly RequestRow[]; readonly omitted: number };
}

export interface ModelEntry {
  readonly name: string;
  readonly type?: string;
  readonly size?: string;
  readonly params?: string;
  readonly quant?: string;
  readonly context_length?: number;
  readonly endpoints: readonly string[];
  readonly aliases?: readonly string[];
  readonly capabilities?: readonly string[];
}

export interface ModelStatus {
  readonly total_models: number;
  readonly model_groups?: readonly { readonly family: string; readonly models: readonly ModelEntry[] }[];
}

export interface ModelStatistics {
  readonly models?: readonly { readonly name: string; readonly last_requested?: string }[];
}

export interface TracedRequest {
  readonly request: RequestRow;
  readonly trace?: DecisionTrace;
}

export interface ConfigKey {
  readonly key: string;
  readonly value: unknown;
  readonly default: unknown;
  readonly source: string;
  readonly doc: string;
  readonly inert?: boolean;
}

export interface ConfigView {
  readonly file?: string;
  readonly sections: readonly {
    readonly path: string;
    readonly doc: string;
    readonly keys: readonly ConfigKey[];
  }[];
  readonly lists: Readonly<Record<string, readonly unknown[]>>;
  readonly last_reload?: Reload;
}
