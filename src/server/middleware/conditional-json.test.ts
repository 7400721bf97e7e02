import { expect, test } from "bun:test";
import { acceptsGzip, etagOf, matchesEtag } from "./conditional-json.ts";

test.each([
  [null, false],
  ["", false],
  ["gzip", true],
  ["GZip", true],
  ["deflate, gzip;q=0.5", true],
  ["gzip;q=0", false],
  ["gzip; q=0.0", false],
  ["*", true],
  ["*;q=0", false],
  ["gzip;q=0, *", false],
  ["*, gzip;q=0", false],
  ["*;q=0, gzip", true],
  ["identity", false],
  ["br", false],
  ["gzip;q=nonsense", false],
  [`gzip, ${"x".repeat(1_024)}`, false],
])("Accept-Encoding %p accepts gzip: %p", (header, expected) => expect(acceptsGzip(header)).toBe(expected));

test.each([
  [null, false],
  ['W/"a1"', true],
  ['"a1"', true],
  ['"x", W/"a1"', true],
  ["*", true],
  [" * ", true],
  ['W/"A1"', false],
  ["a1", false],
  [`W/"a1", "${"x".repeat(1_024)}"`, false],
])("If-None-Match %p matches: %p", (header, expected) =>
  expect(matchesEtag(header, 'W/"a1"')).toBe(expected),
);

test("an ETag ignores what time alone changes, at any depth, and nothing else", () => {
  const body = (changes: object, inner: object = {}) => ({
    timestamp: "1",
    requests: 1,
    list: [{ last_seen: "1s ago", name: "a", ...inner }],
    ...changes,
  });
  const base = etagOf(body({}));
  expect(base).toMatch(/^W\/"[0-9a-z]+"$/);
  expect(etagOf(body({ timestamp: "2" }, { last_seen: "9s ago" }))).toBe(base);
  expect(etagOf(body({ requests: 2 }))).not.toBe(base);
  expect(etagOf(body({}, { name: "b" }))).not.toBe(base);
});
