import { expect, test } from "bun:test";
import { createPageSource } from "./page-source.ts";

const file = { name: "index.html", bytes: new TextEncoder().encode("<p>") };

test("the page is read at the first call and not again", async () => {
  let reads = 0;
  const loadPage = createPageSource(async () => {
    reads += 1;
    return [file];
  });
  expect(reads).toBe(0);
  const [first, second] = await Promise.all([loadPage(), loadPage()]);
  expect(reads).toBe(1);
  expect(first).toBe(second);
  expect(first.get("index.html")?.tag).toMatch(/^[0-9a-f]{32}$/);
});

test("reading that failed is tried again", async () => {
  let reads = 0;
  const loadPage = createPageSource(async () => {
    reads += 1;
    if (reads === 1) throw new Error("no page");
    return [file];
  });
  await expect(loadPage()).rejects.toThrow("no page");
  expect((await loadPage()).size).toBe(1);
});
