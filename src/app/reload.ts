import { compareConfigs, isUnchanged, withoutRestart } from "../config/config-changes.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import type { ConfigReload, ReloadCause, ReloadReport } from "../config/reload-report.ts";
import type { Clock } from "../lib/clock.ts";
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
    const reject = (...more: ConfigProblem[]) => rejected(cause, clock, [...reading.problems, ...more]);
    if (wanted === undefined) return reject();
    const running = inForce.settings;
    const { config, waiting } = withoutRestart(wanted.config, running.config);
    const settings: AppSettings = { ...wanted, config };
    let useRecords: () => void;
    try {
      useRecords = records.prepare(config);
    } catch (error) {
      return reject({ ...asProblem(error), path: "request_log.path" });
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
      cause,
      at: inForceSince,
      status: isUnchanged(changes) ? "unchanged" : "reloaded",
      problems: reading.problems,
      changes: { ...changes, values: changes.values.map(showChange) },
      waitingForRestart: waiting,
      stillRunning: new Map(stillRunning),
    };
  };

  return {
    run(cause) {
      const turn = queue.then(async () => {
        last = await reloadOnce(cause).catch((fault: unknown) => {
          const error = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
          logger.error("Reading the configuration again failed inside Olla; please report it", { error });
          return rejected(cause, clock, [asProblem(fault)]);
        });
        onEnded?.();
        counts[last.status] += 1;
        logReport(logger, last);
        return last;
      });
      queue = turn;
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

function rejected(cause: ReloadCause, clock: Clock, problems: readonly ConfigProblem[]): ReloadReport {
  return {
    status: "rejected",
    cause,
    at: clock.wallTime(),
    changes: undefined,
    waitingForRestart: [],
    stillRunning: new Map(),
    problems,
  };
}

function asProblem(error: unknown): ConfigProblem {
  const message = error instanceof Error ? error.message : String(error);
  return { severity: "error", kind: "value", path: "", message };
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
