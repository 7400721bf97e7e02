import { expect, test } from "bun:test";
import { readRows, renderTable } from "./summary.ts";

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5">
  <testsuite name="claude-code.clients.ts">
      <testcase name="answers" classname="Claude Code" time="0.41" file="a.ts" line="1" assertions="1" />
      <testcase name="(unnamed)" classname="Claude Code (skipped: no network)" time="0"><skipped /></testcase>
      <testcase name="in its own words: &quot;it&apos;s&quot;" classname="Claude Code (skipped: no network)" time="0">
        <skipped />
      </testcase>
  </testsuite>
  <testcase name="one" classname="codex-0.169.0/tools.jsonl, line 1" time="0.1" />
  <testcase name="two" classname="codex-0.169.0/tools.jsonl, line 1" time="0.1">
    <failure type="AssertionError" />
  </testcase>
  <testcase name="one" classname="opencode-1.18.33/openai.jsonl, line 1" time="0" />
</testsuites>`;

test("a report becomes a table with a row for each scenario", () => {
  const rows = renderTable(readRows(report)).split("\n");
  expect(rows.map((row) => row.split("|").map((cell) => cell.trim()))).toEqual([
    ["Claude Code", "answers", "passed", "0.4 s"],
    ["Claude Code", `in its own words: "it's"`, "skipped", ""],
    ["codex-0.169.0", "recorded requests as chat completions: 1, 1 rules broken", "failed", "0.2 s"],
    ["opencode-1.18.33", "recorded requests as chat completions: 1", "passed", "0.0 s"],
  ]);
  expect(new Set(rows.map((row) => row.indexOf("|"))).size).toBe(1);
});

test("a report of nothing is an empty table", () => {
  expect(renderTable(readRows("<testsuites />"))).toBe("");
});
