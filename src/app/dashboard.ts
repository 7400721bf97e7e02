import { createPageSource } from "../dashboard/page-source.ts";
import { compileCidrs } from "../lib/cidr.ts";
import type { Clock } from "../lib/clock.ts";
import { EndedRequests } from "../observe/ended-requests.ts";
import { LiveRates } from "../observe/live-rates.ts";
import type { OutcomeSink } from "../observe/recorder.ts";
import type { FeedRecords } from "../server/dependencies.ts";
import type { HostTest } from "../server/guard/host-guard.ts";
import type { DashboardDoor } from "../server/routes/dashboard.ts";
import type { AppOptions } from "./options.ts";

/** Undefined where the dashboard is switched off. @param knowsHost by `dashboard.access_policy.allowed_hosts` */
export function createDashboard({ config }: AppOptions, knowsHost: HostTest): DashboardDoor | undefined {
  const { enabled, access_policy: policy } = config.dashboard;
  if (!enabled) return undefined;
  return {
    policy: { admitsPeer: compileCidrs(policy.allowed_cidrs), knowsHost },
    loadPage: createPageSource(),
  };
}

/** What the live feed tells of, and where the recorder writes it. */
export function createFeedRecords(clock: Clock): FeedRecords & { readonly sink: OutcomeSink } {
  const rates = new LiveRates(clock);
  const ended = new EndedRequests();
  return {
    rates,
    ended,
    sink(outcome) {
      rates.record(outcome);
      ended.record(outcome);
    },
  };
}
