import type { MiddlewareHandler } from "hono";
import { asOllaError } from "../as-olla-error.ts";
import type { ServerDependencies } from "../dependencies.ts";
import type { DirectEnv } from "../direct-env.ts";
import { ownOutcome } from "../own-outcome.ts";

/** Records every answer of a direct route, refusals included. Runs outside of everything that may refuse. */
export function accessLog({
  record,
  clock,
}: Pick<ServerDependencies, "record" | "clock">): MiddlewareHandler<DirectEnv> {
  return async (c, next) => {
    await next();
    const error = c.error === undefined ? undefined : asOllaError(c.error);
    record(ownOutcome(c.env, c.res, error, clock));
  };
}
