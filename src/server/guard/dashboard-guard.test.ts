import { describe, expect, test } from "bun:test";
import { compileCidrs } from "../../lib/cidr.ts";
import type { Arrival } from "../arrival.ts";
import { findDashboardRefusal } from "./dashboard-guard.ts";
import { createHostTest } from "./host-guard.ts";

const policy = {
  admitsPeer: compileCidrs(["127.0.0.0/8", "::1/128", "10.1.0.0/16"]),
  knowsHost: createHostTest({ own: ["box"], listed: ["olla.example.com"] }),
};

function refusalOf(peerAddress: string, headers: Record<string, string>): string | undefined {
  const request = new Request("http://placeholder/internal/ui/", { headers });
  return findDashboardRefusal({ peerAddress, request } as Arrival, policy)?.configKey;
}

const cidrs = "dashboard.access_policy.allowed_cidrs";
const hosts = "dashboard.access_policy.allowed_hosts";

describe("who may open the dashboard", () => {
  test.each([
    ["127.0.0.1", "localhost:40114", undefined],
    ["::1", "[::1]:40114", undefined],
    ["10.1.2.3", "10.1.0.1:40114", undefined],
    ["10.1.2.3", "OLLA.example.com", undefined],
    ["10.1.2.3", "box:40114", undefined],
    ["10.2.0.1", "10.1.0.1", cidrs],
    ["unknown", "localhost", cidrs],
    ["::ffff:10.1.2.3", "localhost", undefined],
    ["127.0.0.1", "evil.example", hosts],
    ["127.0.0.1", "evil.example:40114", hosts],
    ["127.0.0.1", "", hosts],
    ["10.2.0.1", "evil.example", cidrs],
  ])("%s that asks for %s", (peer, host, refusedBy) => {
    expect(refusalOf(peer, { host })).toBe(refusedBy);
  });

  test("what headers say of the client does not count", () => {
    const forged = { host: "localhost", "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1" };
    expect(refusalOf("192.0.2.1", forged)).toBe(cidrs);
  });

  test("a refusal names the address, the host and both keys", () => {
    const request = new Request("http://placeholder/", { headers: { host: "evil.example" } });
    const message = findDashboardRefusal({ peerAddress: "127.0.0.1", request } as Arrival, policy)?.message;
    for (const part of ["127.0.0.1", "evil.example", cidrs, hosts]) expect(message).toContain(part);
  });
});
