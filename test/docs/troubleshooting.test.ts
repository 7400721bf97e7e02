import { describe, expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConsoleFormatter } from "../../src/cli/log-settings.ts";
import { errorTable, helpFor, isErrorCode } from "../../src/errors.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { startOlla } from "../support/start-olla.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/troubleshooting.md")).text();

/** What stands below each heading of the third level, by the heading. GitHub's anchors are the headings of codes as they are. */
const sections = new Map(
  page
    .split(/^##+ /m)
    .filter((section) => /^[a-z_]+\n/.test(section))
    .map((section) => {
      const lineEnd = section.indexOf("\n");
      return [section.slice(0, lineEnd), section.slice(lineEnd).trim()] as const;
    }),
);

test("every error code has a heading of its own on the page, and no heading is of a code that is gone", () => {
  expect([...sections.keys()].toSorted()).toEqual(Object.keys(errorTable).toSorted());
  expect(page.match(/^### .+$/gm)).toHaveLength(sections.size);
});

describe.each([...sections])("what the page says of %s", (code, text) => {
  test("is its status, what it means, and what to do", () => {
    const [meaning = "", cure = "", ...more] = text.split(/\n\n(?=\*\*What to do:\*\* )/);
    const status = isErrorCode(code) ? errorTable[code].status : 0;
    expect(meaning).toStartWith(`\`${status}\` `);
    expect(meaning.length).toBeGreaterThan(40);
    expect(cure.length).toBeGreaterThan(40);
    expect(more).toEqual([]);
  });
});

test("a log line that names a code names the place on the page, in JSON and for people", async () => {
  await using upstream = new FakeUpstream({ models: ["tiny"] });
  await using olla = await startOlla({ endpoints: [{ name: "one", url: upstream.url, type: "vllm" }] });
  const url = `${olla.url}/olla/vllm/v1/chat/completions`;
  await fetch(url, { method: "POST", body: '{"model":"large"}' }).then((answer) => answer.text());
  const [line] = olla.accessLog().filter(({ path }) => path === new URL(url).pathname);
  expect(line).toMatchObject({ error_code: "model_not_found", help: helpFor("model_not_found") });
  expect(helpFor("model_not_found")).toMatch(/^https:.*\/docs\/troubleshooting\.md#model_not_found$/);
  const forPeople = createConsoleFormatter(false)(0, "info", "request", line as Record<string, string>);
  expect(forPeople).toContain(`help=${helpFor("model_not_found")}`);
});

/** What goes wrong at the start, and the words that people look for. */
const startTroubles: readonly (readonly [name: string, words: string, arrange: Arrange])[] = [
  [
    "a port in use",
    "the port is in use by another program",
    ({ busyPort }) => ({ "config.yaml": `server: { host: 127.0.0.1, port: ${busyPort} }` }),
  ],
  [
    "an address of another machine",
    "this machine has no such address",
    () => ({ "config.yaml": `server: { host: 192.0.2.1, port: ${findFreePort()} }` }),
  ],
  ["a file that does not exist", "specified config file not found", () => ({})],
  ["a folder in place of a file", "specified config file cannot be read", () => ({ "config.yaml/x": "" })],
  [
    "a mistyped key",
    "no such key, it is ignored; did you mean",
    () => ({ "config.yaml": "server: { prot: 1, port: many }" }),
  ],
  ["a wrong value", "expected a whole number", () => ({ "config.yaml": "server: { port: many }" })],
  ["a file that is no YAML", "expected YAML, got", () => ({ "config.yaml": "a: [1" })],
];

type Arrange = (facts: { readonly busyPort: number }) => Readonly<Record<string, string>>;

describe("what Olla says when it does not start is on the page", () => {
  test.each(startTroubles)("%s", async (_name, words, arrange) => {
    using busy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { code, stderr } = await runToEnd(["serve", "-c", "config.yaml"], {
      command: sourceCommand,
      files: arrange({ busyPort: busy.port }),
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(page.split("## It runs, but")[0]).toContain(words);
  });

  const isRoot = process.getuid?.() === 0;
  test.skipIf(isRoot)(
    `a file of another user${isRoot ? " (skipped: root may read every file)" : ""}`,
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "olla-rights-"));
      try {
        const file = join(folder, "config.yaml");
        await Bun.write(file, "");
        await chmod(file, 0);
        const { stderr } = await runToEnd(["serve", "-c", file], { command: sourceCommand });
        expect(stderr).toContain("specified config file cannot be read");
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});
