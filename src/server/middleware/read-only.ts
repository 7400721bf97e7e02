import type { MiddlewareHandler } from "hono";
import type { DirectEnv } from "../direct-env.ts";
import { MethodNotAllowed } from "../refusal-headers.ts";

const readOnlyMethods = "GET, HEAD, OPTIONS";

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
      throw new MethodNotAllowed(`${c.env.path} can only be read: ${readOnlyMethods}`, readOnlyMethods);
  }
};
