import type { ConfigChanges } from "./config-changes.ts";
import type { ConfigProblem } from "./problem.ts";

/** Who wanted the configuration to be read again. */
export type ReloadCause = "file" | "signal" | "request";

/** One value that is another one now, as one would write it in the file; secrets are hidden. */
export interface ShownChange {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface ShownChanges extends Pick<ConfigChanges, "endpoints" | "clientKeys"> {
  readonly values: readonly ShownChange[];
}

/** What became of one reading. */
export interface ReloadReport {
  /** `unchanged`: it says what is in force already. `rejected`: it has errors, and what was in force stays so as a whole. */
  readonly status: "reloaded" | "unchanged" | "rejected";
  readonly cause: ReloadCause;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Undefined where nothing could be put in force. */
  readonly changes: ShownChanges | undefined;
  /** Keys whose other value waits for a restart. */
  readonly waitingForRestart: readonly string[];
  /** Requests under way at the endpoints that were removed; they end there. */
  readonly stillRunning: ReadonlyMap<string, number>;
  /** Why it was rejected, and what else is wrong with it. */
  readonly problems: readonly ConfigProblem[];
}

/** Reads the configuration again and puts it in force. */
export interface ConfigReload {
  /** One at a time, in the order of the calls. Never rejects. */
  run(cause: ReloadCause): Promise<ReloadReport>;
  readonly last: ReloadReport | undefined;
  /** How often a reading ended in each way. */
  readonly counts: Readonly<Record<ReloadReport["status"], number>>;
  /** The file that is in force, as it was named; undefined where none was read. */
  readonly file: string | undefined;
  /** When what is in force was put in force; milliseconds since the epoch. */
  readonly inForceSince: number;
}
