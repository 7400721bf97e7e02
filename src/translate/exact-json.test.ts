import { expect, test } from "bun:test";
import { parseJsonExactly } from "./exact-json.ts";

test.each([
  '{"id":1234567890123456789}',
  '{"maximum":18446744073709551615,"minimum":-9223372036854775808}',
  "[12345678901234567890]",
  '{"__proto__":{"a":1},"id":1234567890123456789}',
  '{"near":9007199254740991,"beyond":9007199254740993}',
  '{"text":"at 1234567890123456789","short":1.5}',
])("%s is written as it was read", (text) => {
  expect(JSON.stringify(parseJsonExactly(text))).toBe(text);
});

test("numbers that a double holds are numbers", () => {
  expect(parseJsonExactly('{"a":9007199254740991,"b":0.1234567890123456,"c":1e300}')).toEqual({
    a: 9007199254740991,
    b: 0.1234567890123456,
    c: 1e300,
  });
});

test("text that is no JSON is nothing", () => {
  expect(parseJsonExactly("{")).toBeUndefined();
  expect(parseJsonExactly('{"a": 12345678901234567890')).toBeUndefined();
});
