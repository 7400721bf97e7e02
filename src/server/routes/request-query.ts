import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { OllaError } from "../../errors.ts";
import { parseDuration } from "../../lib/duration.ts";
import type { RequestQuestion } from "../../observe/request-history.ts";
import type { DirectEnv } from "../direct-env.ts";

type Validator = MiddlewareHandler<DirectEnv, string, { out: { query: RequestQuestion } }>;

const defaultLimit = 50;
const mostLimit = 500;

const once = z.string({ error: "expected one value, got several" });
/** As forms send it: an empty value counts as absent. */
const text = once.transform((value) => (value === "" ? undefined : value)).optional();

const status = once
  .regex(/^([1-5]\d\d|[1-5]xx)?$/i, { error: "expected a status such as 503, or a class such as 5xx" })
  .transform((value) => {
    if (value === "") return undefined;
    const from = Number(value.replace(/xx$/i, "00"));
    return { from, to: /xx$/i.test(value) ? from + 99 : from };
  })
  .optional();

const limit = once
  .regex(/^\d{0,9}$/, { error: `expected a whole number from 1 to ${mostLimit}` })
  .transform((value) => (value === "" ? defaultLimit : Number(value)))
  .refine((value) => value >= 1 && value <= mostLimit, {
    error: `expected a whole number from 1 to ${mostLimit}`,
  })
  .optional();

/** Into milliseconds since the epoch. @param now the same */
function momentSchema(now: number) {
  return once
    .transform((value, context) => {
      if (value === "") return undefined;
      const moment = readMoment(value, now);
      if (moment !== undefined) return moment;
      context.addIssue({
        code: "custom",
        message: "expected a moment such as 2026-11-28T16:00:00Z, or how long ago it was, such as 15m",
      });
      return z.NEVER;
    })
    .optional();
}

const moments = z.iso.datetime({ offset: true });

function readMoment(value: string, now: number): number | undefined {
  const ago = parseDuration(value);
  if (ago !== undefined) return ago < 0 ? undefined : now - ago;
  // A `+` that was not encoded has become a space on its way.
  const moment = value.replace(/ (?=\d\d:\d\d$)/, "+");
  return moments.safeParse(moment).success ? Date.parse(moment) : undefined;
}

/**
 * The query of `/internal/requests`. What is not named here is refused: a mistyped filter would find too much.
 * @param now in milliseconds since the epoch
 */
export function requestQueryParameters(now: number) {
  const aMoment = momentSchema(now);
  return z.strictObject({
    limit: limit.meta({ description: `How many, at most ${mostLimit}; ${defaultLimit} when left out` }),
    before: text.meta({ description: "`next` of the page before" }),
    id: text.meta({
      description: "Exactly; with a `*`, which stands for anything, in any case. So in the others",
    }),
    endpoint: text,
    model: text.meta({ description: "As the endpoint was asked for it, or an alias" }),
    key: text.meta({ description: "The name of the client's key" }),
    route: text,
    status: status.meta({ description: "Such as 503, or 5xx" }),
    ending: text,
    since: aMoment.meta({ description: "A moment such as 2026-11-28T16:00:00Z, or how long ago: 15m" }),
    until: aMoment.meta({ description: "The same" }),
  });
}

function querySchema(now: number) {
  return requestQueryParameters(now).transform(
    ({ limit: most, before, ...filter }): RequestQuestion => ({
      limit: most ?? defaultLimit,
      before,
      filter,
    }),
  );
}

/** Middleware: the checked query is there as `c.req.valid("query")`; a bad one is refused. @param now in milliseconds since the epoch */
export function requestQueryValidator(now: number): Validator {
  return zValidator("query", querySchema(now), rejectBadQuery);
}

interface Issue {
  readonly message: string;
  readonly path: readonly unknown[];
  readonly code?: string;
  readonly keys?: readonly string[];
}

interface ValidationResult {
  readonly success: boolean;
  readonly error?: { readonly issues: readonly Issue[] };
}

function rejectBadQuery({ error }: ValidationResult): undefined {
  const issue = error?.issues[0];
  if (issue === undefined) return undefined;
  const field = String(issue.path[0] ?? issue.keys?.[0] ?? "query").slice(0, 100);
  const isUnknown = issue.code === "unrecognized_keys";
  const names = "limit, before, id, endpoint, model, key, route, status, ending, since, until";
  const message = isUnknown ? `there is no such parameter; there are ${names}` : issue.message;
  throw new OllaError("invalid_request", `${field}: ${message}`, { field });
}
