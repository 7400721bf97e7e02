import { expect, test } from "bun:test";
import { goals, type Judgement } from "./goals.ts";
import { type Bar, barsOf, drawPlot } from "./plot.ts";

const bars: readonly Bar[] = [
  { label: 'CPU & <memory> : "other"', value: 0.25, goal: 0.3, isMet: true },
  { label: "rate", value: 3, goal: 3.5, isMet: false },
  { label: "far away", value: 400, goal: 1, isMet: false },
];

/** Every tag in order, and what is left of the open ones. */
function openTags(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, closing, name, empty] of xml.matchAll(/<(\/?)([a-z]+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (closing === "/") expect(open.pop()).toBe(name as string);
    else if (empty !== "/") open.push(name ?? "");
  }
  return open;
}

test("the plot is well-formed", () => {
  const svg = drawPlot("Title & more", "2 × cores", bars);
  expect(openTags(svg)).toEqual([]);
  // What is left without the tags and the style has no stray bracket or ampersand.
  const text = svg
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(/<\/?[a-z]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, "");
  expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
  expect(text).toContain("CPU &amp; &lt;memory&gt;");
});

test("everything is drawn within the picture", () => {
  const svg = drawPlot("Title", "", bars);
  const [, width = "", height = ""] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  const numbers = (name: string) =>
    [...svg.matchAll(new RegExp(` ${name}="([\\d.-]+)"`, "g"))].map(([, text]) => Number(text));
  for (const x of ["x", "x1", "x2"].flatMap(numbers)) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x).toBeLessThanOrEqual(Number(width));
  }
  for (const y of ["y", "y1", "y2"].flatMap(numbers)) expect(y).toBeLessThanOrEqual(Number(height));
  expect(svg).not.toContain("NaN");
});

test("a bar lies on its side of 1, and says its value", () => {
  const svg = drawPlot("Title", "", bars);
  const rects = [...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"/g)];
  const [below, above] = rects.map(([, kind, x, width]) => ({
    kind,
    from: Number(x),
    to: Number(x) + Number(width),
  }));
  expect(below?.to).toBeCloseTo(above?.from ?? 0, 0);
  expect([below?.kind, above?.kind]).toEqual(["met", "missed"]);
  expect(svg).toContain(">400.00<");
});

test("ratios of Olla to other proxies are drawn, as far as measured, with labels that fit", () => {
  const judgements = goals.map((goal): Judgement => {
    return {
      goal,
      verdict: "met",
      value: goal.figure === "lag50" ? undefined : 1,
      range: undefined,
      isAsked: true,
    };
  });
  const labels = barsOf(judgements).map(({ label }) => label);
  expect(labels).toContain("CPU per small request : olla-go");
  expect(labels.some((label) => label.includes("p50") || label.includes("idle"))).toBe(false);
  for (const label of labels) expect(label.length).toBeLessThanOrEqual(50);
});
