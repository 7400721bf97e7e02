import type { Handler, MiddlewareHandler } from "hono";
import { OllaError } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { RequestHistory, RequestQuestion } from "../../observe/request-history.ts";
import type { RequestRow } from "../../observe/request-row.ts";
import { decodeSegment } from "../decode-segment.ts";
import type { DirectEnv } from "../direct-env.ts";
import { formatTime } from "../format-text.ts";
import { jsonResponse } from "../json-response.ts";

export const requestsPath = "/internal/requests";

interface RequestSources {
  readonly history: RequestHistory;
  readonly clock: Clock;
}

type QueryCheck = MiddlewareHandler<DirectEnv, string, { out: { query: RequestQuestion } }>;

/** Zod is loaded by the first who asks. */
export function checkRequestQuery(clock: Clock): QueryCheck {
  return async (c, next) => {
    const { requestQueryValidator } = await import("./request-query.ts");
    return requestQueryValidator(clock.wallTime())(c, next);
  };
}

/** The body of `GET /internal/requests`. */
export async function renderRequests(
  question: RequestQuestion,
  { history, clock }: RequestSources,
): Promise<object> {
  const { source, requests, next, note } = await history.list(question);
  const timestamp = formatTime(clock.wallTime());
  return { timestamp, source, ...(note !== undefined && { note }), requests: requests.map(withTime), next };
}

/** `GET /internal/requests/{id}`: an id may have any visible character, so all of the path that is left is one. */
export function requestDetail({ history }: RequestSources): Handler<DirectEnv> {
  return async (c) => {
    const id = decodeSegment(c.env.path.slice(requestsPath.length + 1));
    const found = await history.find(id);
    if (found === undefined) {
      throw new OllaError(
        "request_not_found",
        `No request ${id.slice(0, 200)} is on record; those under way are at /internal/live`,
      );
    }
    return jsonResponse({ request: withTime(found.request), trace: found.trace, others: found.others });
  };
}

function withTime(row: RequestRow): object {
  return { ...row, time: formatTime(row.time) };
}
