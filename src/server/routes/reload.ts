import type { Handler } from "hono";
import type { ListChanges } from "../../config/config-changes.ts";
import { formatProblem } from "../../config/problem.ts";
import type { ConfigReload, ReloadReport } from "../../config/reload-report.ts";
import type { DirectEnv } from "../direct-env.ts";
import { formatTime } from "../format-text.ts";
import { jsonResponse } from "../json-response.ts";

export const reloadPath = "/internal/reload";

/** `POST /internal/reload`: 200 with what is otherwise now, 422 with why nothing is. */
export function reloadConfig(reload: ConfigReload): Handler<DirectEnv> {
  return async () => {
    const report = await reload.run("request");
    if (report.status !== "rejected") return jsonResponse(renderReload(report));
    return jsonResponse({ ...renderReload(report), error: renderRejection(report) }, {}, 422);
  };
}

/** For programs that show what went wrong and know nothing of reloads. */
function renderRejection({ problems }: ReloadReport): object {
  const [first, ...others] = problems.filter(({ severity }) => severity === "error");
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const reason = first === undefined ? "" : `: ${formatProblem(first)}${more}`;
  return {
    message: `The configuration cannot be used, and the one in force stays${reason}`,
    type: "invalid_request_error",
    code: "config_rejected",
  };
}

/** What became of one reading of the configuration. */
export function renderReload(report: ReloadReport): object {
  const { status, cause, at, changes, waitingForRestart, stillRunning, problems } = report;
  const ofSeverity = (severity: "error" | "warning") =>
    problems.filter((problem) => problem.severity === severity).map(formatProblem);
  return {
    status,
    cause,
    time: formatTime(at),
    ...(changes !== undefined && {
      endpoints: {
        ...renderList(changes.endpoints),
        removed: changes.endpoints.removed.map((name) => ({ name, running: stillRunning.get(name) ?? 0 })),
      },
      client_keys: renderList(changes.clientKeys),
      values: changes.values,
    }),
    restart_required: waitingForRestart,
    errors: ofSeverity("error"),
    warnings: ofSeverity("warning"),
  };
}

function renderList({ added, removed, changed, unchanged }: ListChanges): object {
  return { added, removed, changed, unchanged };
}

/**
 * Of the status: since when what is in force is in force, and whether the last change of it could be used. No values and no
 * messages: those are for who may see the configuration.
 */
export function renderConfigState({ last, inForceSince, file }: ConfigReload): object {
  return {
    file: file ?? null,
    in_force_since: formatTime(inForceSince),
    is_current: last?.status !== "rejected",
    ...(last !== undefined && {
      last_reload: {
        status: last.status,
        cause: last.cause,
        time: formatTime(last.at),
        errors: last.problems.filter(({ severity }) => severity === "error").length,
        restart_required: last.waitingForRestart,
      },
    }),
  };
}
