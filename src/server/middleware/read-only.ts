import type { MiddlewareHandler } from "hono";
import { OllaError } from "../../errors.ts";
import type { DirectEnv } from "../direct-env.ts";

export const readOnlyMethods = "GET, HEAD, OPTIONS";

/** For routes that can only be read. `OPTIONS` says so without an error. */
export const readOnly: MiddlewareHandler<DirectEnv> = async (c, next) => {
  switch (c.env.request.method) {
    case "GET":
    case "HEAD":
      await next();
      return undefined;
    case "OPTIONS":
      return new Response(null, { status: 204, headers: { Allow: readOnlyMethods } });
    default:
      throw new OllaError("method_not_allowed", `${c.env.path} can only be read: ${readOnlyMethods}`);
  }
};
