import { expect, test } from "bun:test";
import { Slots } from "./slots.ts";

test("a place that was given back is taken again, and what is there is what was added and not removed", () => {
  const slots = new Slots<{ name: string }>();
  const first = slots.add({ name: "a" });
  const second = slots.add({ name: "b" });
  slots.remove(first);
  expect(slots.add({ name: "c" })).toBe(first);
  slots.remove(second);
  expect([slots.size, slots.all().map(({ name }) => name)]).toEqual([1, ["c"]]);
});
