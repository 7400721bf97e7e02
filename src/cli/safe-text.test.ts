import { expect, test } from "bun:test";
import { fit, harmless, padTo, printableJson, widthOf } from "./safe-text.ts";

test("orders to the terminal, hidden characters and changes of direction become visible marks", () => {
  expect(harmless("\u001b[2Jmodel\u0007")).toBe("\ufffd[2Jmodel\ufffd");
  expect(harmless("a\u009b31mb")).toBe("a\ufffd31mb");
  expect(harmless("one\r\ntwo\tthree\u0000")).toBe("one\ufffd\ufffdtwo\ufffdthree\ufffd");
  expect(harmless("ab\u202egpj.exe\u200bz\u2028")).toBe("ab\ufffdgpj.exe\ufffdz\ufffd");
  expect(harmless("\ud800lonely")).toBe("\ufffdlonely");
});

test("other languages and pictures stay as they are", () => {
  for (const text of ["llama3.2:latest", "通义千问-7b", "modèle-é", "🦙 llama"])
    expect(harmless(text)).toBe(text);
});

test("text without an end gets one", () => {
  expect(harmless("x".repeat(10_000))).toHaveLength(500);
});

test("JSON says what it is without a character that a terminal obeys", () => {
  const body = { name: "\u001b[2J\u009b31m\u202e\u007f", list: ["é"] };
  const text = printableJson(body);
  expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(text).toContain("é");
  expect(JSON.parse(text)).toEqual(body);
  expect(JSON.parse(printableJson({ flag: "\u{e0067}" }))).toEqual({ flag: "\u{e0067}" });
});

test("a text is cut by the cells it takes, never inside a character", () => {
  expect(fit("llama", 5)).toBe("llama");
  expect(fit("llama3", 5)).toBe("llam…");
  expect(fit("通义千问", 8)).toBe("通义千问");
  // Half a wide character is none.
  expect(fit("通义千问", 6)).toBe("通义…");
  expect(fit("e\u0301e\u0301e\u0301", 2)).toBe("e\u0301…");
  expect(fit("llama", 0)).toBe("");
  for (let width = 1; width < 12; width++)
    expect(widthOf(fit("a通🦙b义c", width))).toBeLessThanOrEqual(width);
});

test("padding counts cells, too", () => {
  expect(padTo("通", 4)).toBe("通  ");
  expect(padTo("12", 4, "right")).toBe("  12");
  expect(padTo("longer", 4)).toBe("longer");
});
