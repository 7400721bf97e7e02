import type { MiddlewareHandler } from "hono";
import { OllaError } from "../../errors.ts";
import { describeByteSize } from "../../lib/byte-size.ts";
import type { DirectEnv } from "../direct-env.ts";
import { declaredBodyBytes } from "../head-size.ts";

/** Refuses a body that announces itself as too long. Direct routes read no bodies, so nothing else needs a limit. */
export function bodyLimit(maxBodyBytes: number): MiddlewareHandler<DirectEnv> {
  return async (c, next) => {
    if (maxBodyBytes > 0 && declaredBodyBytes(c.env.request) > maxBodyBytes) {
      throw new OllaError(
        "body_too_large",
        `The request body is larger than the limit of ${describeByteSize(maxBodyBytes)}`,
      );
    }
    await next();
  };
}
