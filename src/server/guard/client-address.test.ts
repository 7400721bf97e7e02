import { expect, test } from "bun:test";
import { compileCidrs } from "../../lib/cidr.ts";
import { createOriginReader } from "./client-address.ts";

const read = createOriginReader(compileCidrs(["127.0.0.0/8", "10.0.0.0/8", "::1/128"]));

test.each<[what: string, peer: string, headers: Record<string, string>, address: string]>([
  [
    "a peer that is no proxy is the client, whatever it says",
    "198.51.100.1",
    { "X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.2" },
    "198.51.100.1",
  ],
  ["a proxy that says nothing is the client", "10.0.0.1", {}, "10.0.0.1"],
  ["a proxy says who it serves", "10.0.0.1", { "X-Forwarded-For": "192.0.2.1" }, "192.0.2.1"],
  [
    "what a client put there itself stands further left",
    "10.0.0.1",
    { "X-Forwarded-For": "127.0.0.1, 192.0.2.1" },
    "192.0.2.1",
  ],
  [
    "further trusted proxies are passed over",
    "10.0.0.1",
    { "X-Forwarded-For": "6.6.6.6, 192.0.2.1, 10.0.0.3, 10.0.0.2" },
    "192.0.2.1",
  ],
  [
    "where all are trusted the farthest is the client",
    "10.0.0.1",
    { "X-Forwarded-For": "10.0.0.3, 10.0.0.2" },
    "10.0.0.3",
  ],
  [
    "ports and brackets",
    "10.0.0.1",
    { "X-Forwarded-For": "6.6.6.6, [2001:db8::7]:4711, 10.0.0.2:80" },
    "2001:db8::7",
  ],
  [
    "IPv4-mapped addresses are IPv4 addresses",
    "10.0.0.1",
    { "X-Forwarded-For": "6.6.6.6, ::ffff:192.0.2.1, ::ffff:10.0.0.2" },
    "192.0.2.1",
  ],
  [
    "junk ends what is believed",
    "10.0.0.1",
    { "X-Forwarded-For": "192.0.2.1, unknown, 10.0.0.2" },
    "10.0.0.2",
  ],
  ["junk at the end is no client", "10.0.0.1", { "X-Forwarded-For": "192.0.2.1, ' OR 1=1" }, "10.0.0.1"],
  ["an empty entry is junk", "10.0.0.1", { "X-Forwarded-For": "192.0.2.1, " }, "10.0.0.1"],
  ["an empty header, too", "10.0.0.1", { "X-Forwarded-For": "" }, "10.0.0.1"],
  [
    "X-Real-IP counts where there is no X-Forwarded-For",
    "10.0.0.1",
    { "X-Real-IP": "192.0.2.2" },
    "192.0.2.2",
  ],
  [
    "and not beside it",
    "10.0.0.1",
    { "X-Real-IP": "192.0.2.2", "X-Forwarded-For": "192.0.2.1" },
    "192.0.2.1",
  ],
  ["junk in X-Real-IP is nothing", "10.0.0.1", { "X-Real-IP": "localhost" }, "10.0.0.1"],
  ["an IPv6 proxy", "::1", { "X-Forwarded-For": "192.0.2.1" }, "192.0.2.1"],
  [
    "a connection that is gone is trusted by nobody",
    "unknown",
    { "X-Forwarded-For": "192.0.2.1" },
    "unknown",
  ],
])("%s", (_what, peer, headers, address) => {
  expect(read(peer, new Headers(headers)).address).toBe(address);
});

test("what is passed on is what is believed, and repeated headers are one list", () => {
  const headers = new Headers([
    ["X-Forwarded-For", "6.6.6.6, 192.0.2.1:99"],
    ["X-Forwarded-For", "10.0.0.2"],
  ]);
  expect(read("10.0.0.1", headers)).toEqual({
    address: "192.0.2.1",
    forwardedFor: "192.0.2.1, 10.0.0.2",
    isFromTrustedProxy: true,
  });
  expect(read("192.0.2.9", headers).forwardedFor).toBeUndefined();
});

test("of a thousand entries only the last few are looked at", () => {
  const header = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).join(", ");
  const { address, forwardedFor } = read(
    "10.0.0.1",
    new Headers({ "X-Forwarded-For": `192.0.2.1, ${header}` }),
  );
  expect(address).toBe("10.0.3.200");
  expect(forwardedFor?.split(", ")).toHaveLength(32);
});
