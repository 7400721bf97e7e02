import { expect, test } from "bun:test";
import { renderPage } from "./performance-page.ts";

const table = { title: "Goals", header: ["", "goal"], rows: [["CPU", "at most 1"]] };
const parts = {
  setting: { date: "2026-11-28", machine: "2 cores", versions: { olla: "0.1.0" } },
  rounds: 5,
  goals: table,
  scenarios: [{ ...table, title: "small" }],
  plot: "performance.svg",
};

test("what stands before and after the measured part is kept, and the part is replaced", () => {
  const first = renderPage(undefined, parts);
  const edited = `${first}\n## Soak\n\nBy hand.\n`.replace("# Performance", "# Performance of Olla");
  const second = renderPage(edited, { ...parts, rounds: 7 });
  expect(second).toStartWith("# Performance of Olla");
  expect(second).toEndWith("## Soak\n\nBy hand.\n");
  expect(second).toContain("Medians of 7 rounds");
  expect(second).not.toContain("Medians of 5 rounds");
  expect(renderPage(second, { ...parts, rounds: 7 })).toBe(second);
});

test("a page without the two lines is not overwritten", () => {
  expect(() => renderPage("# All by hand\n", parts)).toThrow("has lost the two lines");
});
