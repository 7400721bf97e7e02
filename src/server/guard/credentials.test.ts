import { expect, test } from "bun:test";
import fc from "fast-check";
import { readCredentials } from "./credentials.ts";

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

test.each<[Record<string, string>, string[]]>([
  [{ Authorization: "Bearer k-1" }, ["k-1"]],
  [{ Authorization: "bearer   k-1  " }, ["k-1"]],
  [{ "X-API-Key": "k-1" }, ["k-1"]],
  [{ Authorization: basic("anybody:k-1") }, ["k-1"]],
  [{ Authorization: basic(":k-1") }, ["k-1"]],
  [{ Authorization: basic("a:b:c") }, ["b:c"]],
  [{ Authorization: "Bearer k-1", "X-API-Key": "k-2" }, ["k-1", "k-2"]],
  [{ Authorization: "Bearer ", "X-API-Key": "k-2" }, ["k-2"]],
  [{ Authorization: "Bearer k-1", "X-API-Key": "" }, ["k-1"]],
])("%p shows %p", (headers, texts) => {
  expect(readCredentials(new Headers(headers))).toEqual({ kind: "given", texts });
});

test.each<[Record<string, string>, string]>([
  [{ Authorization: "" }, "must say Bearer"],
  [{ Authorization: "k-1" }, "must say Bearer"],
  [{ Authorization: "Digest username=x" }, "must say Bearer"],
  [{ Authorization: "Bearer" }, "holds no key"],
  [{ Authorization: "Bearer a b" }, "no key of ours"],
  [{ Authorization: "Bearer größe" }, "no key of ours"],
  [{ Authorization: `Bearer ${"x".repeat(1_025)}` }, "no key of ours"],
  [{ Authorization: "Bearer a, Bearer b" }, "more than once"],
  [{ "X-API-Key": "a, b" }, "more than once"],
  [{ "X-API-Key": "" }, "holds no key"],
  [{ Authorization: "Basic" }, "nothing in base64"],
  [{ Authorization: "Basic !!" }, "nothing in base64"],
  [{ Authorization: basic("no colon") }, "no password"],
  [{ Authorization: basic("user:") }, "holds no key"],
])("%p is malformed: %p", (headers, reason) => {
  const found = readCredentials(new Headers(headers));
  expect([found.kind, found.kind === "malformed" && found.reason.includes(reason)]).toEqual([
    "malformed",
    true,
  ]);
});

test("no header, no credentials", () => {
  expect(readCredentials(new Headers())).toEqual({ kind: "none" });
});

test("a header that came twice is malformed, and no part of it is shown", () => {
  const headers = new Headers([
    ["Authorization", "Bearer canary-one"],
    ["Authorization", "Bearer canary-two"],
  ]);
  const found = readCredentials(headers);
  expect(found.kind).toBe("malformed");
  expect(JSON.stringify(found)).not.toContain("canary");
});

test("whatever a header holds, it is read without a failure", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary-ascii" }),
    fc.base64String().map((text) => `Basic ${text}`),
  );
  fc.assert(
    fc.property(value, (text) => {
      let headers: Headers;
      try {
        headers = new Headers({ authorization: text, "x-api-key": text });
      } catch {
        // No client can send it.
        return;
      }
      expect(["given", "malformed"]).toContain(readCredentials(headers).kind);
    }),
  );
});
