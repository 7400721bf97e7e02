import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { openLogFile } from "./log-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "olla-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function settings(changes: { maxBytes?: number; maxBackups?: number; maxAgeMs?: number } = {}) {
  return { folder: join(folder, "logs"), maxBytes: 20, maxBackups: 2, maxAgeMs: 0, ...changes };
}

test("the folder is made, and a second start appends", () => {
  openLogFile(settings(), Date.now).append("one\n");
  openLogFile(settings(), Date.now).append("two\n");
  expect(readFileSync(join(folder, "logs", "olla.log"), "utf8")).toBe("one\ntwo\n");
});

test("a full file is put aside gzipped, and no line is lost or cut", () => {
  const file = openLogFile(settings({ maxBackups: 10 }), Date.now);
  const lines = Array.from({ length: 6 }, (_, index) => `line number ${index}...\n`);
  for (const line of lines) file.append(line);
  const names = readdirSync(join(folder, "logs")).sort();
  const texts = names.map((name) => {
    const bytes = readFileSync(join(folder, "logs", name));
    return name.endsWith(".gz") ? gunzipSync(bytes).toString() : bytes.toString();
  });
  expect(names.length).toBe(6);
  expect(texts).toEqual(lines);
});

test("only the newest backups are kept, and other files are left alone", () => {
  const file = openLogFile(settings(), Date.now);
  writeFileSync(join(folder, "logs", "notes.log.gz"), "");
  for (let count = 0; count < 6; count++) file.append("0123456789abcdef\n");
  expect(readdirSync(join(folder, "logs")).filter((name) => name.endsWith(".gz"))).toHaveLength(3);
});

test("a backup past its age goes at the next rotation", () => {
  const file = openLogFile(settings({ maxAgeMs: 1000 }), Date.now);
  const old = join(folder, "logs", "olla-20200101T000000000.log.gz");
  writeFileSync(old, "");
  utimesSync(old, 1, 1);
  for (let count = 0; count < 2; count++) file.append("0123456789abcdef\n");
  expect(readdirSync(join(folder, "logs"))).not.toContain("olla-20200101T000000000.log.gz");
});
