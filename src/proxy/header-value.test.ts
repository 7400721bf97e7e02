import { expect, test } from "bun:test";
import fc from "fast-check";
import { toHeaderValue } from "./header-value.ts";

test("a usual name stays as it is", () => {
  expect(toHeaderValue("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M")).toBe(
    "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
  );
});

test("what a header cannot carry is percent-encoded, the rest stays readable", () => {
  expect(toHeaderValue("größe x\r\nSet-Cookie: a")).toBe("gr%C3%B6%C3%9Fe x%0D%0ASet-Cookie: a");
});

test("whatever the text, it makes a header of one line and bounded length", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
      const value = toHeaderValue(text);
      expect(value).toMatch(/^[\x20-\x7e]*$/);
      expect(value.length).toBeLessThanOrEqual(512 * 9);
      expect(() => new Headers({ "x-olla-model": value })).not.toThrow();
    }),
  );
});

test("half a surrogate pair, as JSON allows it, makes no crash", () => {
  expect(toHeaderValue("a\ud83e")).toBe("a%EF%BF%BD");
});
