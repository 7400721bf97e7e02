import type { Endpoint } from "../endpoints/endpoint.ts";
import { isRoutable } from "../endpoints/endpoint-status.ts";
import type { Probe } from "../endpoints/probe.ts";
import type { ProbeResult } from "../endpoints/probe-result.ts";
import type { Clock } from "../lib/clock.ts";
import type { DetectedKind } from "../models/detect-kind.ts";
import { readEndpointList } from "../models/read-endpoint-list.ts";
import type { AppSettings } from "./options.ts";

/** What was seen of an endpoint before it is anybody's. */
export interface Scouted {
  readonly endpoint: Endpoint;
  /** Undefined where nothing came in time. */
  readonly result: ProbeResult | undefined;
  /** Undefined where it could not be read in time, and where nobody wants to know. */
  readonly list: DetectedKind | undefined;
}

/** Never rejects. */
export type Scout = (endpoint: Endpoint, settings: AppSettings) => Promise<Scouted>;

/** A reload waits for it: longer than a machine that is up needs, short for one that is not. */
const patienceMs = 3_000;

export function createScout({
  probe,
  clock,
  version,
}: {
  readonly probe: Probe;
  readonly clock: Clock;
  readonly version: string;
}): Scout {
  return async (endpoint, { config, profiles }) => {
    const patience = new AbortController();
    const { signal } = patience;
    const cancelTimer = clock.after(patienceMs, () => patience.abort());
    let result: ProbeResult | undefined;
    let list: DetectedKind | undefined;
    try {
      result = await probe(endpoint, signal);
      if (isRoutable(result.status) && config.discovery.model_discovery.enabled) {
        list = await readEndpointList(endpoint, {
          profiles,
          isAuto: endpoint.isAutoDetected,
          mustDetect: false,
          timeoutMs: patienceMs,
          retryAttempts: 1,
          retryBackoffMs: 0,
          clock,
          version,
          signal,
        });
      }
    } catch {
      // Too slow, or no list that can be read: health checks and discovery take over, and say what is wrong.
    } finally {
      cancelTimer();
    }
    return { endpoint, result, list };
  };
}
