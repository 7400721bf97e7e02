import type { OtlpSettings } from "../config/otlp-settings.ts";
import type { Config } from "../config/schema.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { OutcomeKinds } from "../observe/outcome-kinds.ts";
import type { Tracing } from "../observe/tracing/tracing.ts";

export interface TracingParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly build: BuildIdentity;
}

/** Begins to trace; given to `createApp`, which alone knows the endpoints. */
export type StartTracing = (
  endpointOf: (name: string) => Endpoint | undefined,
  kinds: OutcomeKinds,
) => Tracing;

/** Loads what makes traces. Undefined, and nothing loaded, where none are wanted. */
export async function loadTracing(
  settings: OtlpSettings | undefined,
  { config, clock, logger, build }: TracingParts,
): Promise<StartTracing | undefined> {
  if (settings === undefined) return undefined;
  const { createTracing } = await import("../observe/tracing/tracing.ts");
  const { host, port, tls } = config.server;
  const isNamed = host !== "0.0.0.0" && host !== "::" && host !== "" && !host.startsWith("unix:");
  const servedAt = {
    scheme: tls === undefined ? ("http" as const) : ("https" as const),
    address: isNamed ? host : undefined,
    port,
  };
  return (endpointOf, kinds) =>
    createTracing({ settings, clock, logger, version: build.version, servedAt, endpointOf, kinds });
}
