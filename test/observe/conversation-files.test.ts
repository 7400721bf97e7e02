import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConversationFiles } from "../../src/observe/conversation-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-conversations-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function open(limits: { maxFileBytes?: number; maxWaitingBytes?: number } = {}) {
  const warnings: string[] = [];
  const files = new ConversationFiles({
    folder,
    maxFileBytes: 10_000,
    maxWaitingBytes: 10_000,
    ...limits,
    clock: { wallTime: () => new Date(2026, 0, 5, 23, 59).getTime() },
    logger: { warn: (message) => warnings.push(message) },
  });
  return { files, warnings };
}

async function linesOf(session: string): Promise<string[]> {
  const text = await readFile(join(folder, "2026-01-05", `${session}.jsonl`), "utf8");
  return text.split("\n").slice(0, -1);
}

test("lines come in the order in which they were said", async () => {
  const { files } = open();
  for (let number = 0; number < 20; number += 1) files.append("s", { type: "request", body: number });
  await files.flush();
  expect((await linesOf("s")).map((line) => (JSON.parse(line) as { body: number }).body)).toEqual([
    ...Array(20).keys(),
  ]);
});

test("a full file takes no more, other files do, and one warning is enough", async () => {
  const { files, warnings } = open({ maxFileBytes: 300 });
  for (let number = 0; number < 9; number += 1) {
    files.append("full", { type: "request", body: "x".repeat(50) });
  }
  files.append("other", { type: "request", body: 1 });
  await files.flush();
  const size = Buffer.byteLength((await linesOf("full")).join("\n"));
  expect(size).toBeGreaterThan(100);
  expect(size).toBeLessThanOrEqual(300);
  expect(await linesOf("other")).toHaveLength(1);
  expect(warnings.filter((warning) => warning.includes("is full"))).toHaveLength(1);
});

test("what the disk is too slow for is left out", async () => {
  const { files, warnings } = open({ maxWaitingBytes: 500 });
  for (let number = 0; number < 9; number += 1) files.append("s", { type: "request", body: "x".repeat(100) });
  await files.flush();
  files.append("s", { type: "request", body: "later" });
  await files.flush();
  const lines = await linesOf("s");
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.length).toBeLessThan(9);
  expect(lines.at(-1)).toContain("later");
  expect(warnings.some((warning) => warning.includes("leaves lines out"))).toBe(true);
});

test.each(["../../etc/x", "a/b", "", "x".repeat(65), "a b", "."])(
  "a session called %p is written to the default file",
  async (session) => {
    const { files, warnings } = open();
    files.append(session, { type: "request", body: 1 });
    await files.flush();
    expect(await readdir(join(folder, "2026-01-05"))).toEqual(["default.jsonl"]);
    expect(warnings.some((warning) => warning.includes("without a proper name"))).toBe(true);
  },
);
