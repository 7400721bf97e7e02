import { expect, test } from "bun:test";
import fc from "fast-check";
import { parse } from "yaml";
import { yamlText, yamlValue } from "./yaml-text.ts";

test("words, addresses and measures stand without quotes, what may be taken for something else in them", () => {
  for (const plain of ["gpu-box", "http://localhost:11434", "/etc/olla", "1h30m", "1.5s", "50MiB"]) {
    expect(yamlText(plain)).toBe(plain);
  }
  for (const text of [
    "yes",
    "Null",
    "7",
    "1.2",
    "1e3",
    "0x1f",
    "",
    " a",
    "a:",
    "a #b",
    "- a",
    "*",
    "12:30",
  ]) {
    expect(yamlText(text)).toStartWith('"');
  }
});

test("a parser of YAML reads back what was written, whatever it is, and on one line", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = yamlValue(value);
      expect(text).not.toContain("\n");
      expect(parse(`key: ${text}`)).toEqual({ key: JSON.parse(JSON.stringify(value)) });
    }),
  );
});
