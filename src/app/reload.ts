import { compareConfigs, isUnchanged, withoutRestart } from "../config/config-changes.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import type { ConfigReload, ReloadCause, ReloadReport } from "../config/reload-report.ts";
import { showChange } from "./config-view.ts";
import type { KeptParts } from "./kept-parts.ts";
import type { AppOptions, AppSettings, InForce, Reloading } from "./options.ts";

export interface ReloadParts {
  readonly kept: KeptParts;
  readonly inForce: InForce;
  /** Builds what answers requests out of the settings in force, and puts it in the place of what did until now. */
  readonly renew: (settings: AppSettings) => void;
}

/**
 * Changes the settings while requests run. Everything that may fail or take time comes first and changes nothing: reading,
 * opening a request log, a look at new endpoints. Then all is changed in one turn, so that a request meets either the old
 * settings or the new ones.
 */
export function createReload(
  { clock, logger }: Pick<AppOptions, "clock" | "logger">,
  { read, onApplied, onEnded }: Reloading,
  { kept, inForce, renew }: ReloadParts,
): ConfigReload {
  const { fleet, connections, records } = kept;
  let last: ReloadReport | undefined;
  let inForceSince = clock.wallTime();
  const counts = { reloaded: 0, unchanged: 0, rejected: 0 };
  let queue: Promise<unknown> = Promise.resolve();

  const reloadOnce = async (cause: ReloadCause): Promise<ReloadReport> => {
    const reading = await read();
    const wanted = reading.settings;
    const report = {
      cause,
      at: clock.wallTime(),
      changes: undefined,
      waitingForRestart: [],
      stillRunning: new Map<string, number>(),
      problems: reading.problems,
    };
    if (wanted === undefined) return { ...report, status: "rejected" };
    const running = inForce.settings;
    const { config, waiting } = withoutRestart(wanted.config, running.config);
    const settings: AppSettings = { ...wanted, config };
    let useRecords: () => void;
    try {
      useRecords = records.prepare(config);
    } catch (error) {
      return { ...report, status: "rejected", problems: [...reading.problems, asProblem(error)] };
    }
    const scouted = await fleet.scout(settings);
    const changes = compareConfigs(running.config, config);
    records.settle();
    inForce.settings = settings;
    useRecords();
    fleet.apply(settings, scouted);
    renew(settings);
    onApplied?.(settings);
    inForceSince = clock.wallTime();
    const stillRunning = changes.endpoints.removed.flatMap((name): [string, number][] => {
      const count = connections.of(name);
      return count === 0 ? [] : [[name, count]];
    });
    return {
      ...report,
      status: isUnchanged(changes) ? "unchanged" : "reloaded",
      changes: { ...changes, values: changes.values.map(showChange) },
      waitingForRestart: waiting,
      stillRunning: new Map(stillRunning),
    };
  };

  return {
    run(cause) {
      const turn = queue.then(async () => {
        try {
          last = await reloadOnce(cause);
        } finally {
          onEnded?.();
        }
        counts[last.status] += 1;
        logReport(logger, last);
        return last;
      });
      queue = turn.catch(() => undefined);
      return turn;
    },
    get last() {
      return last;
    },
    counts,
    get file() {
      return inForce.settings.configFile;
    },
    get inForceSince() {
      return inForceSince;
    },
  };
}

function asProblem(error: unknown): ConfigProblem {
  const message = error instanceof Error ? error.message : String(error);
  return { severity: "error", kind: "value", path: "request_log.path", message };
}

function logReport(logger: AppOptions["logger"], report: ReloadReport): void {
  const { status, cause, changes, waitingForRestart, stillRunning, problems } = report;
  if (status === "rejected") {
    logger.error("The configuration cannot be used; the one in force stays", {
      cause,
      problems: problems.length,
    });
  }
  for (const problem of problems) {
    const log = problem.severity === "error" ? logger.error : logger.warn;
    log.call(logger, formatProblem(problem), { kind: problem.kind });
  }
  if (changes === undefined) return;
  const { endpoints, clientKeys, values } = changes;
  const message =
    status === "unchanged"
      ? "The configuration says what is in force already"
      : "Other settings are in force";
  logger.info(message, {
    cause,
    endpoints_added: namesOrNone(endpoints.added),
    endpoints_removed: namesOrNone(endpoints.removed),
    endpoints_changed: namesOrNone(endpoints.changed.map(({ name }) => name)),
    client_keys: namesOrNone([
      ...clientKeys.added,
      ...clientKeys.removed,
      ...clientKeys.changed.map(({ name }) => name),
    ]),
    keys: namesOrNone(values.map(({ key }) => key)),
    still_running: namesOrNone([...stillRunning].map(([name, count]) => `${name} (${count})`)),
  });
  if (waitingForRestart.length > 0) {
    logger.warn("These keys take a restart; until then they are as they were", {
      keys: [...waitingForRestart],
    });
  }
}

function namesOrNone(names: readonly string[]): string[] | undefined {
  return names.length === 0 ? undefined : [...names];
}
