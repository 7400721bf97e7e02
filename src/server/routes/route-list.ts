import type { Handler } from "hono";
import type { DirectEnv } from "../direct-env.ts";
import { jsonResponse } from "../json-response.ts";
import type { Scopes } from "../scope.ts";

/** `GET /`: where to go from here. @param scopes undefined where nothing is sent on */
export function routeList(
  version: string,
  scopes: Scopes | undefined,
  directPaths: readonly string[],
): Handler<DirectEnv> {
  const body = {
    name: "Olla",
    version,
    routes: {
      direct: directPaths,
      proxied:
        scopes === undefined
          ? []
          : [...scopes.all().map(({ prefix }) => `/olla/${prefix}/`), ...scopes.barePrefixes()],
    },
  };
  return () => jsonResponse(body);
}
