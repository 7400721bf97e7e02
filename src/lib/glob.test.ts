import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileGlobs } from "./glob.ts";

function matches(pattern: string, name: string): boolean {
  return compileGlobs({ include: [pattern] })(name);
}

describe("a pattern", () => {
  test.each([
    ["*", "anything/at:all"],
    ["llama*", "llama3/x:y"],
    ["llama*", "LLAMA3"],
    ["*vision*", "hf.co/org/Vision-7b"],
    ["*:free", "a/b:free"],
    ["a/*/c", "a/x/y/c"],
    ["a*b*c", "a1b2c"],
    ["a**b", "a/x/b"],
    ["hf.co/*", "hf.co/a/b:Q4"],
    ["*/*", "/"],
    ["*.*", "."],
    ["*/*.*", "/."],
    [" llama3 ", "llama3"],
    ["*(1)", "model(1)"],
    ["[ab]c", "[ab]c"],
    ["a?c", "a?c"],
    ["{a,b}", "{a,b}"],
    ["!a*", "!ab"],
  ])("%p matches %p", (pattern, name) => {
    expect(matches(pattern, name)).toBe(true);
  });

  test.each([
    ["llama3.1", "llama331"],
    ["llama", "llama3"],
    ["*vision", "vision-7b"],
    ["a?c", "abc"],
    ["[ab]c", "ac"],
    ["a|b", "a"],
    ["!a*", "b"],
    ["{a,b}", "a"],
  ])("%p does not match %p", (pattern, name) => {
    expect(matches(pattern, name)).toBe(false);
  });
});

test("exclude wins over include, and no include admits everything", () => {
  const admits = compileGlobs({ include: ["llama*"], exclude: ["*embed*"] });
  expect(admits("llama3")).toBe(true);
  expect(admits("llama-embed")).toBe(false);
  expect(admits("qwen")).toBe(false);
  expect(compileGlobs({})("qwen")).toBe(true);
  expect(compileGlobs({ exclude: ["q*"] })("qwen")).toBe(false);
  expect(compileGlobs({ exclude: ["*"] })("qwen")).toBe(false);
});

test("stars stand for any run of characters and everything else for itself", () => {
  // Segments "." and ".." belong to paths; no model name has them.
  const letters = fc.constantFrom(..."abAB017:-_@+()[]{}!?|^$/".split(""));
  const pieces = fc.array(fc.oneof({ weight: 3, arbitrary: letters }, fc.constant("*")), {
    minLength: 1,
    maxLength: 8,
  });
  const name = fc.array(letters, { minLength: 1, maxLength: 10 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(pieces, name, (parts, candidate) => {
      const expression = parts.map((part) => (part === "*" ? ".*" : part.replace(/[^\w]/g, "\\$&"))).join("");
      expect(matches(parts.join(""), candidate)).toBe(new RegExp(`^(?:${expression})$`, "i").test(candidate));
    }),
    { numRuns: 2000 },
  );
});

test("a pattern made out of a name by putting stars into it matches the name", () => {
  const characters = fc.constantFrom(..."abc7:-/.@(".split(""));
  fc.assert(
    fc.property(
      fc.array(characters, { minLength: 1, maxLength: 12 }),
      fc.nat(11),
      fc.nat(11),
      (parts, from, length) => {
        const name = parts.join("");
        fc.pre(!name.split("/").some((segment) => segment === "." || segment === ".."));
        const pattern = `${name.slice(0, from)}*${name.slice(from + length)}`;
        expect(matches(pattern, name)).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});
