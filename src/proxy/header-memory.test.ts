import { expect, test } from "bun:test";
import { HeaderMemory } from "./header-memory.ts";

function noteTwice(memory: HeaderMemory, key: string): void {
  for (let time = 0; time < 2; time += 1) memory.note(key, () => new Headers({ key: key.slice(0, 20) }));
}

test("what comes once is not kept, what comes twice is, and a copy is given", () => {
  const memory = new HeaderMemory();
  memory.note("a", () => new Headers({ key: "a" }));
  expect(memory.find("a")).toBeUndefined();
  memory.note("a", () => new Headers({ key: "a" }));
  memory.find("a")?.set("key", "changed");
  expect(memory.find("a")?.get("key")).toBe("a");
});

test("what is too long to be kept is not kept", () => {
  const memory = new HeaderMemory();
  noteTwice(memory, "x".repeat(4 * 1024));
  noteTwice(memory, "y".repeat(4 * 1024 + 1));
  expect(memory.find("x".repeat(4 * 1024))).toBeDefined();
  expect(memory.find("y".repeat(4 * 1024 + 1))).toBeUndefined();
});

test("no more than 128 are kept, however many come twice", () => {
  const memory = new HeaderMemory();
  const keys = Array.from({ length: 1_000 }, (_, index) => `client ${index}`);
  for (const key of keys) noteTwice(memory, key);
  const kept = keys.filter((key) => memory.find(key) !== undefined);
  expect(kept.length).toBeLessThanOrEqual(128);
  expect(kept).toContain("client 999");
});
