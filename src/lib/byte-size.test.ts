import { expect, test } from "bun:test";
import fc from "fast-check";
import { describeByteSize, formatByteSize, parseByteSize } from "./byte-size.ts";

test.each([
  ["100", 100],
  ["100B", 100],
  ["1KB", 1024],
  ["1k", 1024],
  ["1KiB", 1024],
  ["2.5GB", 2684354560],
  ["100 MB", 104857600],
  ["100mb", 104857600],
  ["0.5KB", 512],
  ["1t", 1024 ** 4],
  ["1P", 1024 ** 5],
  ["0", 0],
])("%p is %p bytes", (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(["", "abc", "100XB", "-100MB", "MB100", "100  MB", "1ib", "1e3", "9999P"])(
  "%p is no size",
  (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  },
);

test("what formatByteSize writes is read back as the same value", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.nat(3), (count, power) => {
      const bytes = Math.min(count * 1024 ** power, Number.MAX_SAFE_INTEGER);
      expect(parseByteSize(formatByteSize(bytes))).toBe(bytes);
    }),
  );
});

test("sizes are written in the largest unit without a fraction", () => {
  expect(formatByteSize(50 * 1024 ** 2)).toBe("50MiB");
  expect(formatByteSize(1536 * 1024)).toBe("1536KiB");
  expect(formatByteSize(1000)).toBe("1000");
});

test("in a sentence a size without a unit is so many bytes", () => {
  expect([0, 1000, 50 * 1024 ** 2].map(describeByteSize)).toEqual(["0 bytes", "1000 bytes", "50MiB"]);
});
