import type { ServerDependencies } from "../dependencies.ts";
import { formatTime } from "../format-text.ts";
import { renderReload } from "./reload.ts";

/** The configuration in force, ready to be shown: without anything that opens something. */
export interface ConfigView {
  /** The file that was read; absent where there is none, or nobody said. */
  readonly file?: string | undefined;
  readonly sections: readonly ConfigSection[];
  /** What there are several of: endpoints, keys. By the path of the list. */
  readonly lists: Readonly<Record<string, readonly unknown[]>>;
}

export interface ConfigSection {
  readonly path: string;
  readonly doc: string;
  readonly keys: readonly ConfigKey[];
}

export interface ConfigKey {
  readonly key: string;
  /** As one would write it in the file; null where it is unset. */
  readonly value: unknown;
  readonly default: unknown;
  readonly source: "default" | "file" | "environment" | "set";
  readonly doc: string;
  /** Accepted, and without effect. */
  readonly inert?: true;
}

/** `GET /internal/config`. */
export function renderConfigView(
  { clock, settings, reload }: Pick<ServerDependencies, "clock" | "settings" | "reload">,
  view: ConfigView,
): object {
  return {
    timestamp: formatTime(clock.wallTime()),
    version: settings.version,
    ...view,
    ...(reload?.last !== undefined && { last_reload: renderReload(reload.last) }),
  };
}
