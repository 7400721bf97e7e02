import { expect, test } from "bun:test";
import type { ClientKey } from "./client-key.ts";
import type { Exchange } from "./exchange.ts";
import { readFlag, senderOf } from "./sender.ts";

function senderFor(parts: { asked?: string; priority?: number; address?: string }) {
  const headers = new Headers(parts.asked === undefined ? {} : { "X-Olla-Priority": parts.asked });
  const clientKey: ClientKey | undefined =
    parts.priority === undefined
      ? undefined
      : { name: "ann", admitsModel: () => true, priority: parts.priority, isLocalOnly: false };
  const request = new Request("http://localhost/", { headers });
  const exchange = { request, clientKey, clientAddress: parts.address ?? "10.0.0.7" };
  return senderOf(exchange as unknown as Exchange);
}

test.each([
  [{}, 0],
  [{ asked: "-3" }, -3],
  [{ asked: "+0" }, 0],
  // Without keys nobody comes before others by saying so.
  [{ asked: "10" }, 0],
  [{ priority: 5 }, 5],
  [{ priority: 5, asked: "10" }, 5],
  [{ priority: 5, asked: "2" }, 2],
  [{ priority: -4, asked: "0" }, -4],
  [{ priority: 99 }, 10],
])("%j waits with priority %p", (parts, priority) => {
  expect(senderFor(parts).priority).toBe(priority);
});

test.each(["", "high", "1.5", "11", "-11", "1e1", "5, 5"])("the priority %p is a 400", (asked) => {
  expect(() => senderFor({ asked })).toThrow(
    expect.objectContaining({ code: "invalid_request", field: "X-Olla-Priority" }),
  );
});

test("turns are for keys, and without keys for addresses: of IPv6 for a customer's whole network", () => {
  expect(senderFor({ priority: 0 }).client).toBe("key ann");
  expect(senderFor({ address: "10.0.0.7" }).client).not.toBe(senderFor({ address: "10.0.0.8" }).client);
  expect(senderFor({ address: "2001:db8:1:2::7" }).client).toBe(
    senderFor({ address: "2001:db8:1:2:ffff::8" }).client,
  );
  expect(senderFor({ address: "2001:db8:1:2::7" }).client).not.toBe(
    senderFor({ address: "2001:db8:1:3::7" }).client,
  );
});

test.each([
  ["true", true],
  ["TRUE", true],
  ["1", true],
  [" false ", false],
  ["0", false],
])("the flag %p is %p", (text, flag) => {
  expect(readFlag(new Headers({ "X-Olla-Local-Only": text }), "x-olla-local-only")).toBe(flag);
});

test.each(["", "yes", "no", "on", "true, false", "true, true", "2"])(
  "the flag %p is a 400, because it may mean yes",
  (text) => {
    expect(() => readFlag(new Headers({ "X-Olla-Local-Only": text }), "x-olla-local-only")).toThrow(
      expect.objectContaining({ code: "invalid_request", field: "X-Olla-Local-Only" }),
    );
  },
);
