import type { MiddlewareHandler } from "hono";
import type { DirectEnv } from "../direct-env.ts";

/** Says in every answer which request it belongs to. */
export const requestIdHeader: MiddlewareHandler<DirectEnv> = async (c, next) => {
  await next();
  c.res.headers.set("X-Olla-Request-ID", c.env.requestId);
};
