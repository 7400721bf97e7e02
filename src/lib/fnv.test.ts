import { expect, test } from "bun:test";
import { fnv1a32, fnv1a64Hex } from "./fnv.ts";

test("the 32-bit hash gives the published vectors", () => {
  expect(fnv1a32("")).toBe(0x811c9dc5);
  expect(fnv1a32("a")).toBe(0xe40c292c);
  expect(fnv1a32("foobar")).toBe(0xbf9cf968);
});

test("the 64-bit hash gives the published vectors", () => {
  expect(fnv1a64Hex("")).toBe("cbf29ce484222325");
  expect(fnv1a64Hex("a")).toBe("af63dc4c8601ec8c");
  expect(fnv1a64Hex("foobar")).toBe("85944171f73967e8");
});

test("text is hashed as its UTF-8 bytes", () => {
  const text = "modèle-über-模型";
  expect(fnv1a64Hex(text)).toBe(fnv1a64Hex(new TextEncoder().encode(text)));
  expect(fnv1a32(text)).toBe(fnv1a32(new TextEncoder().encode(text)));
});

test("the 64-bit hash agrees with exact integer arithmetic on long input", () => {
  const text = "The quick brown fox jumps over the lazy dog. ".repeat(40);
  let exact = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    exact = BigInt.asUintN(64, (exact ^ BigInt(byte)) * 0x100000001b3n);
  }
  expect(fnv1a64Hex(text)).toBe(exact.toString(16).padStart(16, "0"));
});
