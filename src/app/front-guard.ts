import { hostname } from "node:os";
import { isLoopbackHost } from "../lib/loopback.ts";
import { type AdminGuard, createAdminGuard } from "../server/guard/admin-guard.ts";
import { type Cors, createCors } from "../server/guard/cors.ts";
import { createFrontGuard, type FrontGuard } from "../server/guard/front-guard.ts";
import { createHostTest, type HostTest } from "../server/guard/host-guard.ts";
import { createLoopTest } from "../server/guard/loop-guard.ts";
import type { AppOptions } from "./options.ts";

export interface FrontGuards {
  readonly front: FrontGuard;
  readonly admin: AdminGuard;
  /** By the machine's names and `dashboard.access_policy.allowed_hosts`. */
  readonly knowsHost: HostTest;
  /** Undefined where it is off. */
  readonly cors: Cors | undefined;
}

/** What is asked of a request whoever sent it, and who may see and do what only operators should. */
export function createFrontGuards({ config, clock }: AppOptions, instanceId: string): FrontGuards {
  const { host, admin } = config.server;
  const cors = createCorsOf(config.server.cors);
  const knowsHost = createHostTest({
    own: [host, hostname()],
    listed: config.dashboard.access_policy.allowed_hosts,
  });
  return {
    front: createFrontGuard({
      knowsHost: isLoopbackHost(host.toLowerCase()) ? knowsHost : undefined,
      mayCall: cors?.admits,
      hasBeenHere: createLoopTest(instanceId),
    }),
    admin: createAdminGuard({ digest: admin.key?.reveal(), knowsHost }, clock),
    knowsHost,
    cors,
  };
}

function createCorsOf(cors: AppOptions["config"]["server"]["cors"]): Cors | undefined {
  if (!cors.enabled) return undefined;
  return createCors({
    origins: cors.allowed_origins,
    methods: cors.allowed_methods,
    requestHeaders: cors.allowed_headers,
    exposedHeaders: cors.exposed_headers,
    hasCredentials: cors.allow_credentials,
    maxAgeSeconds: cors.max_age,
  });
}
