import { compileCidrs } from "../lib/cidr.ts";
import { createOriginReader, type ReadClientOrigin } from "../server/guard/client-address.ts";
import { type ClientGuard, createClientGuard } from "../server/guard/client-guard.ts";
import type { AppOptions } from "./options.ts";

/**
 * Who may come in, and how often. Undefined where neither keys nor limits are configured.
 * @param before the guard that was in force until now
 */
export function createGuard(
  { config, clock }: AppOptions,
  before: ClientGuard | undefined,
): ClientGuard | undefined {
  const { rate_limits: limits } = config.server;
  const keys = config.auth.keys.map((key) => ({
    name: key.name,
    digest: key.hash.reveal().replace(/^sha256:/, ""),
    models: key.models,
    requestsPerMinute: key.requests_per_minute,
    tokensPerMinute: key.tokens_per_minute,
    maxParallel: key.max_parallel,
    expiresAt: key.expires,
    priority: key.priority,
    isLocalOnly: key.local_only,
  }));
  return createClientGuard(
    {
      keys,
      globalPerMinute: limits.global_requests_per_minute,
      perAddressPerMinute: limits.per_ip_requests_per_minute,
      healthPerMinute: limits.health_requests_per_minute,
      burst: limits.burst_size,
      sweepMs: limits.cleanup_interval,
    },
    clock,
    before,
  );
}

/** Undefined where no proxy's word is taken. */
export function createClientOrigin({ config }: AppOptions): ReadClientOrigin | undefined {
  const { trust_proxy_headers: isTrusting, trusted_proxy_cidrs: ranges } = config.server.rate_limits;
  return isTrusting && ranges.length > 0 ? createOriginReader(compileCidrs(ranges)) : undefined;
}
