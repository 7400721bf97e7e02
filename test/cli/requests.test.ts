import { expect, test } from "bun:test";
import { type FinishedRun, runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { waitUntil, within } from "../support/wait-until.ts";
import { type ApiRow, sampleRow, sampleRows, sampleTrace, sampleTraced } from "./request-samples.ts";

/** What `/internal/requests` answers, scripted. */
interface FakeLog extends AsyncDisposable {
  readonly url: string;
  /** Newest first; may be changed. */
  rows: ApiRow[];
  source: "memory" | "database";
  note: string | undefined;
  isFailing: boolean;
  /** Queries of the list, in order. */
  readonly queries: string[];
  stop(): Promise<void>;
}

const headers = { "X-Olla-Request-ID": "calm-otter-000000000000" };

function refuse(status: number, code: string, message: string): Response {
  return Response.json(
    { error: { message, code, source: "olla" } },
    { status, headers: { ...headers, "X-Olla-Error": code } },
  );
}

function startFakeLog(): FakeLog {
  const log: Omit<FakeLog, "url" | "stop" | typeof Symbol.asyncDispose> = {
    rows: [...sampleRows],
    source: "database",
    note: undefined,
    isFailing: false,
    queries: [],
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, search, searchParams } = new URL(request.url);
      if (pathname === "/internal/requests") {
        log.queries.push(search);
        if (log.isFailing) return refuse(503, "busy", "Olla is busy");
        const requests = log.rows.slice(0, Number(searchParams.get("limit")));
        const { source, note } = log;
        return Response.json(
          { timestamp: "", source, ...(note && { note }), requests, next: null },
          { headers },
        );
      }
      if (pathname === `/internal/requests/${sampleTraced.id}`) {
        return Response.json({ request: sampleTraced, trace: sampleTrace, others: 0 }, { headers });
      }
      if (pathname.startsWith("/internal/requests/"))
        return refuse(404, "request_not_found", "No request is on record");
      return refuse(404, "route_not_found", "There is no such route");
    },
  });
  return Object.assign(log, {
    url: `http://127.0.0.1:${server.port}`,
    stop: () => server.stop(true),
    [Symbol.asyncDispose]: () => server.stop(true),
  });
}

function ask(log: FakeLog, ...args: string[]): Promise<FinishedRun> {
  return runToEnd(["requests", ...args, "--url", log.url], { command: sourceCommand });
}

test("the last requests are a table, the newest at its end", async () => {
  await using log = startFakeLog();
  const { code, stdout, stderr } = await ask(log);
  expect([code, stderr]).toEqual([0, ""]);
  const ids = [...stdout.matchAll(/[a-z]+-[a-z]+-[0-9a-f]{12}/g)].map(([id]) => id);
  expect(ids).toEqual(sampleRows.map(({ id }) => id).toReversed());
  expect(stdout).toContain("llama3.2:latest → gpu-box");
  expect(log.queries).toEqual(["?limit=20"]);
});

test("filters and the limit are asked for", async () => {
  await using log = startFakeLog();
  const flags = [
    "--limit",
    "2",
    "--model",
    "a b",
    "--endpoint",
    "e",
    "--key",
    "k",
    "--status",
    "5xx",
    "--since",
    "15m",
  ];
  const { stdout } = await ask(log, ...flags);
  expect(log.queries).toEqual(["?model=a+b&endpoint=e&key=k&status=5xx&since=15m&limit=2"]);
  expect(stdout.trimEnd().split("\n")).toHaveLength(3);
});

test("when only memory knows, it says how to keep more; and why, where the log should have", async () => {
  await using log = startFakeLog();
  log.source = "memory";
  expect((await ask(log)).stderr).toContain("`request_log.enabled: true`");
  expect((await ask(log, "--json")).stderr).toBe("");
  log.note = "The request log cannot be opened";
  expect((await ask(log)).stderr).toBe("The request log cannot be opened\n");
  log.rows = [];
  const none = await ask(log);
  expect([none.code, none.stdout, none.stderr.includes("No such requests")]).toEqual([0, "", true]);
});

test("one request is explained, one that nobody knows is said to be unknown", async () => {
  await using log = startFakeLog();
  const known = await ask(log, sampleTraced.id);
  expect(known.code).toBe(0);
  for (const part of ["Where the time went", "Who was considered", "Attempts", "✗ 1  gpu-box", "✓ 2  desk"]) {
    expect(known.stdout).toContain(part);
  }
  const json = await ask(log, sampleTraced.id, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ request: { id: sampleTraced.id } });
  const unknown = await ask(log, "no/such id");
  expect([unknown.code, unknown.stdout]).toEqual([1, ""]);
  expect(unknown.stderr).toContain("`olla requests` lists those it has");
});

test("JSON is one request in a line, in the order of the table", async () => {
  await using log = startFakeLog();
  const { stdout } = await ask(log, "--json");
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(rows).toEqual(JSON.parse(JSON.stringify(sampleRows.toReversed())));
});

test("following shows each request once, as it ends, and survives a look that failed", async () => {
  await using log = startFakeLog();
  const child = Bun.spawn([...sourceCommand, "requests", "--follow", "--limit", "1", "--url", log.url], {
    env: { PATH: process.env.PATH ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let written = "";
  const gathered = (async () => {
    for await (const piece of child.stdout) written += new TextDecoder().decode(piece);
  })();
  const has = (id: string) => waitUntil(() => written.includes(id), { deadlineMs: 10_000, what: id });
  await has(sampleRows[0]?.id ?? "");
  const gatheredErrors = new Response(child.stderr).text();
  const looksPast = (count: number) =>
    waitUntil(() => log.queries.length >= count, { deadlineMs: 10_000, what: `${count} looks` });
  log.isFailing = true;
  await looksPast(log.queries.length + 2);
  log.isFailing = false;
  // Long under way: it came first and ended last.
  log.rows = [sampleRow({ id: "patient-tapir-000000000001", time: "2026-11-28T16:00:00Z" }), ...log.rows];
  await has("patient-tapir-000000000001");
  // The same id again is another request.
  log.rows = [sampleRow({ duration_ms: 77 }), ...log.rows];
  await has("77ms");
  await looksPast(log.queries.length + 2);
  child.kill("SIGINT");
  expect(await within(child.exited, 5_000, "Ctrl-C ends it")).toBe(0);
  await gathered;
  const rows = written
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("TIME"));
  expect(rows).toHaveLength(3);
  const told = await gatheredErrors;
  expect(told.match(/Olla is busy/g)).toHaveLength(1);
  expect(told).toContain("it is back");
}, 30_000);

test.concurrent.each([
  [["one", "--follow"], "--follow is for the list"],
  [["--limit", "0"], "--limit"],
  [["--status", "bad"], "--status"],
  [["one", "two"], "too many arguments"],
])("olla requests %p is wrong usage", async (args, message) => {
  const { code, stdout, stderr } = await runToEnd(["requests", ...args], { command: sourceCommand });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
});
