import type { Arrival } from "../arrival.ts";
import type { HostTest } from "./host-guard.ts";

export interface DashboardPolicy {
  /** By the TCP peer's address: whatever headers say of it, anybody can write. */
  readonly admitsPeer: (address: string) => boolean;
  readonly knowsHost: HostTest;
}

/** Why a page may not be opened. */
export interface DashboardRefusal {
  /** The key that would let it in. */
  readonly configKey: string;
  /** For whoever opened it. */
  readonly message: string;
}

const cidrsKey = "dashboard.access_policy.allowed_cidrs";
const hostsKey = "dashboard.access_policy.allowed_hosts";

/** Undefined for who may open the dashboard. */
export function findDashboardRefusal(
  { peerAddress, request }: Arrival,
  { admitsPeer, knowsHost }: DashboardPolicy,
): DashboardRefusal | undefined {
  const host = request.headers.get("host") ?? "";
  const seen = `Your address is ${peerAddress}, and you asked for it as "${host.slice(0, 100)}".`;
  if (!admitsPeer(peerAddress)) {
    return {
      configKey: cidrsKey,
      message: `The dashboard may not be opened from here: the address is in none of the ranges of ${cidrsKey}. ${seen} Names are checked as well, against ${hostsKey}.`,
    };
  }
  // Browsers always send one, so that a request without one is nobody's that would be missed.
  if (host === "" || !knowsHost(host)) {
    return {
      configKey: hostsKey,
      message: `The dashboard may not be opened under this name: it is not in ${hostsKey}. ${seen} Any address will do in its place; addresses of clients are checked against ${cidrsKey}.`,
    };
  }
  return undefined;
}
