// The database of the request log: what is in it, what becomes of it, and what happens when it cannot be written.

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "../../src/lib/clock.ts";
import type { LogFields, Logger } from "../../src/lib/log.ts";
import type { AttemptRecord, Outcome } from "../../src/observe/outcome.ts";
import { OutcomeKinds } from "../../src/observe/outcome-kinds.ts";
import { RecentRequests } from "../../src/observe/recent-requests.ts";
import type { RequestFilter, RequestPage, RequestQuestion } from "../../src/observe/request-history.ts";
import { openDatabase, RequestLogRefusal } from "../../src/observe/request-log/open-database.ts";
import { RequestLog, type RequestLogSettings } from "../../src/observe/request-log/request-log.ts";
import { RowWriter } from "../../src/observe/request-log/row-writer.ts";
import { migrations } from "../../src/observe/request-log/schema.ts";
import { outcomeOf } from "../server/test-server.ts";
import { createFakeClock } from "../support/fake-clock.ts";

let folder: string;
let path: string;
let lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "olla-request-log-"));
  path = join(folder, "olla.db");
  lines = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write =
  (level: string) =>
  (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields });
  };
const logger: Logger = {
  debug: write("debug"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
  isEnabled: () => true,
};

interface OpenLog extends AsyncDisposable {
  readonly log: RequestLog;
}

function open(changes: Partial<RequestLogSettings> = {}): OpenLog {
  const kinds = new OutcomeKinds();
  const log = new RequestLog({
    path,
    maxAgeMs: 0,
    maxBytes: 0,
    clock: systemClock,
    logger,
    kinds,
    ...changes,
  });
  return { log, [Symbol.asyncDispose]: () => log.stop() };
}

async function idsIn(log: RequestLog, filter: RequestFilter = {}): Promise<string[]> {
  return (await log.list({ filter, limit: 500 })).requests.map(({ id }) => id);
}

function numbered(number: number, changes: Partial<Outcome> = {}): Outcome {
  return outcomeOf({ requestId: `r${number}`, ...changes });
}

/** Like no other, so that nothing of its row is shared, and of a size by which pages fill. */
function wide(number: number, changes: Partial<Outcome> = {}): Outcome {
  return numbered(number, { path: `/olla/proxy/${number}/${"x".repeat(600)}`, ...changes });
}

function countIn(database: Database, table: string): number {
  return database.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()?.count ?? -1;
}

describe("the file", () => {
  test("is made for its owner alone, with its folder, and is an ordinary database", async () => {
    path = join(folder, "deep/er/olla.db");
    {
      await using opened = open();
      opened.log.add(numbered(1));
      expect(await idsIn(opened.log)).toEqual(["r1"]);
      for (const name of [path, `${path}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    }
    expect(existsSync(`${path}-wal`)).toBe(false);
    using database = new Database(path, { readonly: true });
    expect(database.query("SELECT id, endpoint, status FROM requests").all()).toEqual([
      { id: "r1", endpoint: "alpha", status: 200 },
    ]);
    expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  });

  test("keeps its rows over a restart, and cursors lead on", async () => {
    let next: string | null;
    {
      await using first = open();
      for (let number = 1; number <= 5; number += 1) first.log.add(numbered(number));
      next = (await first.log.list({ filter: {}, limit: 2 })).next;
    }
    await using second = open();
    second.log.add(numbered(6));
    expect(await idsIn(second.log)).toEqual(["r6", "r5", "r4", "r3", "r2", "r1"]);
    const page = await second.log.list({ filter: {}, limit: 2, before: next ?? "" });
    expect(page.requests.map(({ id }) => id)).toEqual(["r3", "r2"]);
  });

  test.each([
    ["some text", "is no database"],
    ["x".repeat(5_000), "is no database"],
    [`SQLite format 3\0${"x".repeat(5_000)}`, "is a damaged database"],
  ])("is not written to when it is something else: %#", (content, problem) => {
    writeFileSync(path, content);
    expect(() => open()).toThrow(`request_log.path: ${path} ${problem}: move it away, or name another file`);
    expect(Bun.file(path).size).toBe(content.length);
  });

  test("is not written to when it is the database of something else", () => {
    using database = new Database(path);
    database.run("CREATE TABLE requests (id)");
    expect(() => open()).toThrow("is a database of something else: move it away, or name another file");
  });

  test("is not touched when a newer Olla made it", async () => {
    await open().log.stop();
    using database = new Database(path);
    database.run("PRAGMA user_version = 99");
    expect(() => open()).toThrow(RequestLogRefusal);
    expect(() => open()).toThrow(
      "is of a newer Olla (version 99 of the file, and this one knows 2): use that one, or",
    );
  });

  test("is no folder", () => {
    mkdirSync(path);
    expect(() => open()).toThrow(`${path} is a folder: name a file in it`);
  });

  test("where it cannot be made that is no refusal", () => {
    writeFileSync(join(folder, "file"), "");
    path = join(folder, "file/olla.db");
    expect(() => open()).toThrow(/ENOTDIR|EEXIST/);
    expect(() => open()).not.toThrow(RequestLogRefusal);
  });
});

describe("writing", () => {
  test("happens in one go a moment later, and an idle log has no timer", async () => {
    const clock = createFakeClock();
    await using opened = open({ clock });
    await opened.log.settled();
    expect(clock.pendingTimers()).toBe(0);
    using reader = new Database(path, { readonly: true });
    const count = () => reader.query("SELECT count(*) FROM requests").values()[0]?.[0];
    opened.log.add(numbered(1));
    opened.log.add(numbered(2));
    expect(clock.pendingTimers()).toBe(1);
    clock.advance(200);
    expect(count()).toBe(0);
    clock.advance(50);
    expect(count()).toBe(2);
    expect(clock.pendingTimers()).toBe(0);
  });

  test("begins sooner when many wait, and takes turns", async () => {
    const clock = createFakeClock();
    await using opened = open({ clock });
    await opened.log.settled();
    for (let number = 1; number <= 499; number += 1) opened.log.add(numbered(number));
    expect(clock.nextDelay()).toBe(250);
    opened.log.add(numbered(500));
    expect(clock.nextDelay()).toBe(0);
    for (let number = 501; number <= 700; number += 1) opened.log.add(numbered(number));
    using reader = new Database(path, { readonly: true });
    const count = () => reader.query("SELECT count(*) FROM requests").values()[0]?.[0];
    expect(count()).toBe(0);
    clock.advance(0);
    expect(count()).toBe(700);
  });

  test("what waits is written at the end", async () => {
    const clock = createFakeClock();
    const { log } = open({ clock });
    for (let number = 1; number <= 1_200; number += 1) log.add(numbered(number));
    await log.stop();
    log.add(numbered(1_201));
    expect(clock.pendingTimers()).toBe(0);
    using reader = new Database(path, { readonly: true });
    expect(reader.query("SELECT count(*), max(seq) FROM requests").values()).toEqual([[1_200, 1_200]]);
  });

  test("waits while somebody else has the file, says so once a minute, and goes on", async () => {
    const clock = createFakeClock();
    await using opened = open({ clock });
    await opened.log.settled();
    using other = new Database(path);
    other.run("BEGIN IMMEDIATE");
    opened.log.add(numbered(1));
    clock.advance(59_000);
    const complaints = () => lines.filter(({ level }) => level === "warn");
    expect(complaints()).toMatchObject([
      {
        message: "The request log could not be written",
        fields: { error: expect.stringContaining("locked"), waiting: 1, dropped: 0 },
      },
    ]);
    clock.advance(10_000);
    expect(complaints()).toHaveLength(2);
    other.run("ROLLBACK");
    clock.advance(1_000);
    expect(lines.at(-1)?.message).toBe("The request log takes rows again");
    expect(await idsIn(opened.log)).toEqual(["r1"]);
  });

  test("drops the oldest when more wait than may, and says how many", async () => {
    const clock = createFakeClock();
    await using opened = open({ clock });
    await opened.log.settled();
    using other = new Database(path);
    other.run("BEGIN IMMEDIATE");
    for (let number = 1; number <= 21_500; number += 1) opened.log.add(numbered(number));
    clock.advance(300);
    other.run("ROLLBACK");
    for (let round = 0; round < 10; round += 1) {
      clock.advance(2_000);
      await opened.log.settled();
    }
    const { requests, note } = await opened.log.list({ filter: {}, limit: 1 });
    expect(requests.map(({ id }) => id)).toEqual(["r21500"]);
    expect(note).toBe("2000 requests could not be written since the start");
    expect((await opened.log.find("r2000"))?.request.id).toBeUndefined();
    expect((await opened.log.find("r2001"))?.request.id).toBe("r2001");
  });

  test("survives a full disk, and goes on when there is room", async () => {
    const clock = createFakeClock();
    const { database } = openDatabase(path);
    const kinds = new OutcomeKinds();
    const writer = new RowWriter({
      database,
      clock,
      logger,
      kinds,
      mayWrite: () => true,
      onWritten: () => {},
    });
    // The limit belongs to this connection.
    database.run("PRAGMA max_page_count = 8");
    for (let number = 1; number <= 2_000; number += 1) writer.add(wide(number));
    clock.advance(10_000);
    expect(lines).toMatchObject([{ level: "warn", fields: { error: expect.stringContaining("full") } }]);
    const count = () => database.query("SELECT count(*), min(id), max(seq) FROM requests").values();
    expect(count()).toEqual([[0, null, null]]);
    database.run("PRAGMA max_page_count = 1000000");
    clock.advance(10_000);
    expect(lines.at(-1)).toMatchObject({ level: "info", fields: { dropped: 0 } });
    expect(count()).toEqual([[2_000, "r1", 2_000]]);
    expect(clock.pendingTimers()).toBe(0);
    await writer.close();
    database.close();
  });

  test("one that no row can be made of keeps nobody else waiting", async () => {
    await using opened = open();
    const broken = () => {
      throw new Error("gone");
    };
    opened.log.add(numbered(1, { considered: broken }));
    opened.log.add(numbered(2));
    expect(await idsIn(opened.log)).toEqual(["r2"]);
  });
});

describe("what requests have in common", () => {
  test("is written once for all that are written at once", async () => {
    const { log } = open();
    for (let number = 1; number <= 400; number += 1) {
      log.add(numbered(number, { status: number % 2 === 0 ? 200 : 503, durationMs: number }));
    }
    expect(
      (await log.list({ filter: { status: { from: 503, to: 503 } }, limit: 500 })).requests,
    ).toHaveLength(200);
    for (let number = 401; number <= 410; number += 1) log.add(numbered(number));
    expect(await idsIn(log, { id: "r41*" })).toEqual(["r410", "r41"]);
    await log.stop();
    using reader = new Database(path, { readonly: true });
    expect(reader.query("SELECT kind, status FROM kinds").values()).toEqual([
      [1, 503],
      [2, 200],
      [401, 200],
    ]);
    expect(countIn(reader, "requests")).toBe(410);
  });

  test("is found again among many kinds, and those that are forgotten are written anew", async () => {
    await using opened = open();
    const pathOf = (number: number) => `/olla/proxy/${number % 100}`;
    for (let number = 0; number < 400; number += 1) {
      opened.log.add(numbered(number, { path: number < 200 ? "/olla/proxy" : pathOf(number) }));
    }
    const { requests } = await opened.log.list({ filter: {}, limit: 500 });
    expect(requests).toHaveLength(400);
    for (const row of requests) {
      const number = Number(row.id.slice(1));
      expect(row.path).toBe(number < 200 ? "/olla/proxy" : pathOf(number));
    }
    using reader = new Database(path, { readonly: true });
    expect(countIn(reader, "kinds")).toBe(201);
  });

  test("goes when the last of them goes, and not before", async () => {
    const clock = createFakeClock();
    await using opened = open({ clock, maxAgeMs: 60_000 });
    using reader = new Database(path, { readonly: true });
    const add = (number: number, receivedAt: number) =>
      opened.log.add(numbered(number, { receivedAt, status: 200 + (number % 2) }));
    // In one transaction: what is deleted has the kinds of what is left.
    for (let number = 0; number < 100; number += 1) add(number, clock.wallTime());
    for (let number = 100; number < 110; number += 1) add(number, clock.wallTime() + 60_000);
    clock.advance(250);
    const begin = clock.wallTime();
    clock.advance(61_000);
    add(110, begin + 120_000);
    clock.advance(250);
    await opened.log.settled();
    expect(reader.query("SELECT min(seq), count(*) FROM requests").values()).toEqual([[101, 11]]);
    expect(reader.query("SELECT kind FROM kinds").values()).toEqual([[1], [2], [111]]);
    const { requests } = await opened.log.list({ filter: {}, limit: 500 });
    expect(requests.map(({ status }) => status)).toEqual([
      200, 201, 200, 201, 200, 201, 200, 201, 200, 201, 200,
    ]);
  });

  test("is not that of an earlier row where the log was empty and numbers begin anew", async () => {
    const clock = createFakeClock();
    const { log } = open({ clock, maxAgeMs: 60_000 });
    const add = (number: number, status: number) =>
      log.add(numbered(number, { status, receivedAt: clock.wallTime() }));
    for (let number = 1; number <= 10; number += 1) add(number, 200 + number);
    clock.advance(250);
    clock.advance(120_000);
    await log.stop();
    await using again = open({ clock, maxAgeMs: 60_000 });
    await again.log.settled();
    using reader = new Database(path, { readonly: true });
    expect([countIn(reader, "entries"), countIn(reader, "kinds")]).toEqual([0, 0]);
    again.log.add(numbered(11, { status: 404, receivedAt: clock.wallTime() }));
    again.log.add(numbered(12, { status: 404, receivedAt: clock.wallTime() }));
    const { requests } = await again.log.list({ filter: {}, limit: 5 });
    expect(requests).toMatchObject([
      { id: "r12", status: 404 },
      { id: "r11", status: 404 },
    ]);
  });

  test("is not mixed up by two that write to one file in turns", async () => {
    await using first = open();
    await using second = open();
    for (let round = 0; round < 20; round += 1) {
      first.log.add(numbered(round, { clientKey: "first" }));
      second.log.add(numbered(round, { clientKey: "second" }));
      second.log.add(numbered(round, { clientKey: "third" }));
      await idsIn(first.log);
      await idsIn(second.log);
    }
    for (const key of ["first", "second", "third"]) expect(await idsIn(first.log, { key })).toHaveLength(20);
  });
});

describe("decision traces", () => {
  const attempt: Required<AttemptRecord> = {
    endpoint: "alpha",
    model: "llama3:8b",
    durationMs: 12.345,
    status: 502,
    error: "connect_refused",
    startedMs: 3.21,
    queuedMs: 0.04,
    message: 'said "no"',
    spanId: "00f067aa0ba902b7",
  };
  const decided: Partial<Outcome> = {
    decision: { strategy: "strict", action: "routed", reason: "model_found" },
    stickyOutcome: "hit",
    milestones: { bodyMs: 0.11, inspectedMs: 0.26, routedMs: 1, firstSentMs: 9.99 },
    isStream: true,
    considered: () => [
      { endpoint: "alpha", model: "llama3:8b", skipped: undefined, rank: 1, health: "healthy" },
      { endpoint: "bêta", model: undefined, skipped: "draining", rank: 0, health: "offline" },
    ],
  };
  test.each<[string, Partial<Outcome>]>([
    ["with everything there is", { ...decided, attempts: [attempt] }],
    ["of several attempts", { ...decided, attempts: [attempt, { ...attempt, endpoint: "beta" }] }],
    ["without an attempt", { ...decided, attempts: [] }],
    [
      "with one that was held back",
      {
        ...decided,
        attempts: [attempt],
        heldBack: [{ endpoint: "beta", model: undefined, reason: "draining", atMs: 0.55 }],
      },
    ],
    ["of a request that never came so far", { attempts: [], headMs: undefined }],
  ])("are the same from the database and from memory: %s", async (_name, changes) => {
    const outcome = numbered(1, changes);
    const recent = new RecentRequests();
    recent.add(outcome);
    await using opened = open();
    opened.log.add(outcome);
    const found = await opened.log.find("r1");
    expect(found).toEqual(JSON.parse(JSON.stringify(recent.find("r1"))));
    expect(found?.trace.attempts).toHaveLength(outcome.attempts.length);
  });
});

describe("a file of version 1", () => {
  test("is taken over with all that is in it, and written on", async () => {
    {
      using old = new Database(path);
      for (const statement of migrations[0] ?? []) old.run(statement);
      old.run("PRAGMA user_version = 1");
      old.run(`PRAGMA application_id = ${0x4f6c6c61}`);
      const insert = old.prepare(
        `INSERT INTO requests (seq, time, id, method, path, stream, "key", client, status, ending, attempts, queue_ms,
          ttft_ms, duration_ms, tokens_per_sec) VALUES (?, ?, ?, 'POST', '/olla/proxy', ?, ?, '::1', 200, 'complete', 1, 0.0, ?, ?, ?)`,
      );
      for (let seq = 41; seq <= 45; seq += 1) {
        insert.run(
          seq,
          1_000 + seq,
          `old${seq}`,
          seq % 2,
          `key${seq}`,
          seq === 41 ? null : 0.3,
          seq + 0.7,
          12.3,
        );
        old.run("INSERT INTO traces (seq, trace) VALUES (?, ?)", [
          seq,
          `{"strategy":"old","reason":"${seq}"}`,
        ]);
      }
      insert.finalize();
    }
    const clock = createFakeClock();
    const { log } = open({ clock });
    log.add(numbered(46, { receivedAt: 2_000 }));
    const { requests } = await log.list({ filter: {}, limit: 10 });
    expect(requests.map(({ id }) => id)).toEqual(["r46", "old45", "old44", "old43", "old42", "old41"]);
    expect(requests.slice(4)).toEqual(
      [42, 41].map((seq) => ({
        id: `old${seq}`,
        time: 1_000 + seq,
        method: "POST",
        path: "/olla/proxy",
        stream: seq === 41,
        key: `key${seq}`,
        client: "::1",
        status: 200,
        ending: "complete",
        attempts: 1,
        queue_ms: 0,
        ...(seq === 41 ? {} : { ttft_ms: 0.3 }),
        duration_ms: seq + 0.7,
        tokens_per_sec: 12.3,
      })) as never,
    );
    expect((await log.find("old43"))?.trace).toEqual({ strategy: "old", reason: "43" } as never);
    expect((await log.find("r46"))?.trace.timings).toEqual({ queue_ms: 0, duration_ms: 250, head_ms: 50 });
    await log.stop();
    using reader = new Database(path, { readonly: true });
    expect(reader.query("PRAGMA user_version").values()).toEqual([[2]]);
    expect(reader.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  });
});

describe("retention", () => {
  test("deletes what is too old, and shows none of it meanwhile", async () => {
    const clock = createFakeClock();
    const at = () => ({ receivedAt: clock.wallTime() });
    await using opened = open({ clock, maxAgeMs: 3_600_000 });
    for (let number = 1; number <= 1_500; number += 1) opened.log.add(numbered(number, at()));
    clock.advance(3_000_000);
    opened.log.add(numbered(2_000, at()));
    clock.advance(600_001);
    expect(await idsIn(opened.log)).toEqual(["r2000"]);
    expect(await opened.log.find("r1")).toBeUndefined();
    using reader = new Database(path, { readonly: true });
    // What comes next finds that it is time.
    opened.log.add(numbered(2_001, at()));
    clock.advance(250);
    await opened.log.settled();
    for (const view of ["requests", "traces"]) {
      expect(reader.query(`SELECT min(seq), count(*) FROM ${view}`).values()).toEqual([[1_501, 2]]);
    }
    // Both were written by themselves.
    expect(countIn(reader, "kinds")).toBe(2);
  });

  test("deletes at the start what became too old since", async () => {
    const clock = createFakeClock();
    const { log } = open({ clock });
    for (let number = 1; number <= 700; number += 1) log.add(wide(number, { receivedAt: clock.wallTime() }));
    await log.stop();
    const sizeBefore = statSync(path).size;
    clock.advance(10_000);
    await using again = open({ clock, maxAgeMs: 5_000 });
    await again.log.settled();
    using reader = new Database(path, { readonly: true });
    expect(reader.query("SELECT count(*) FROM requests").values()).toEqual([[0]]);
    expect(statSync(path).size).toBeLessThan(sizeBefore / 2);
  });

  test("keeps the file within its size while rows come, the oldest go, and the file shrinks", async () => {
    const clock = createFakeClock();
    const maxBytes = 1024 * 1024;
    await using opened = open({ clock, maxBytes });
    const sizeNow = () => statSync(path).size + statSync(`${path}-wal`).size;
    let number = 0;
    for (let round = 0; round < 20; round += 1) {
      for (const end = number + 500; number < end; number += 1) opened.log.add(wide(number));
      clock.advance(1_000);
      await opened.log.settled();
      expect(sizeNow()).toBeLessThan(maxBytes * 1.5);
    }
    clock.advance(60_000);
    opened.log.add(numbered(number));
    clock.advance(250);
    await opened.log.settled();
    expect(sizeNow()).toBeLessThanOrEqual(maxBytes);
    expect(await opened.log.find("r0")).toBeUndefined();
    const ids = await idsIn(opened.log);
    expect(ids[0]).toBe(`r${number}`);
    expect(ids.length).toBeGreaterThan(300);
  });

  test("a smaller limit than before makes the file smaller at the start", async () => {
    const clock = createFakeClock();
    const { log } = open({ clock });
    for (let number = 1; number <= 5_000; number += 1) log.add(wide(number));
    await log.stop();
    const before = statSync(path).size;
    const maxBytes = Math.floor(before / 4);
    await using again = open({ clock, maxBytes });
    await again.log.settled();
    expect(statSync(path).size).toBeLessThanOrEqual(maxBytes);
    expect((await idsIn(again.log))[0]).toBe("r5000");
    using reader = new Database(path, { readonly: true });
    expect(reader.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  });

  test("a limit that nothing fits in leaves nothing, and does no harm", async () => {
    const clock = createFakeClock();
    await using opened = open({ clock, maxBytes: 1 });
    for (let round = 0; round < 3; round += 1) {
      opened.log.add(numbered(round));
      clock.advance(61_000);
      await opened.log.settled();
    }
    expect(await idsIn(opened.log)).toEqual([]);
    expect(lines.filter(({ level }) => level === "warn")).toEqual([]);
  });
});

const names = fc.constantFrom("alpha", "Alpha", "beta", "al[p]ha?", "größe", "a*", "x/y:z");
const pattern = fc.constantFrom("a*", "*A", "*l[p]*", "*?", "b", "alpha", "*", "**", "gr*e", "X/*", "a*");
const statuses = [200, 404, 499, 503] as const;

const outcomes: fc.Arbitrary<Outcome> = fc
  .record({
    requestId: names,
    endpoint: names,
    model: fc.option(names, { nil: undefined }),
    clientKey: fc.option(names, { nil: undefined }),
    route: fc.constantFrom("proxy", "openai"),
    status: fc.constantFrom(...statuses),
    isStream: fc.boolean(),
    receivedAt: fc.integer({ min: 1_000, max: 1_010 }),
    isAlias: fc.boolean(),
  })
  .map(({ isAlias, ...changes }) =>
    outcomeOf({
      ...changes,
      durationMs: 1.25,
      requestedModel: "alpha",
      decision: isAlias ? { strategy: "alias", action: "routed", reason: "alias" } : undefined,
      milestones: { bodyMs: 0.123, inspectedMs: 0.2, routedMs: undefined, firstSentMs: 3.14 },
    }),
  );

const filters: fc.Arbitrary<RequestFilter> = fc.record(
  {
    id: pattern,
    endpoint: pattern,
    model: pattern,
    key: pattern,
    route: pattern,
    status: fc.constantFrom({ from: 400, to: 499 }, { from: 503, to: 503 }),
    since: fc.integer({ min: 999, max: 1_011 }),
    until: fc.integer({ min: 999, max: 1_011 }),
  },
  { requiredKeys: [] },
);

async function allPages(
  list: (question: RequestQuestion) => Promise<RequestPage> | RequestPage,
  filter: RequestFilter,
  limit: number,
  between: () => void,
): Promise<RequestPage["requests"]> {
  const rows: RequestPage["requests"][number][] = [];
  let before: string | undefined;
  for (;;) {
    const page = await list({ filter, limit, before });
    expect(page.requests.length).toBeLessThanOrEqual(limit);
    rows.push(...page.requests);
    if (page.next === null) return rows;
    expect(page.requests).toHaveLength(limit);
    before = page.next;
    between();
  }
}

test("memory and database find the same, and their pages have each row once, newest first, while rows are added", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(outcomes, { maxLength: 30 }),
      filters,
      fc.integer({ min: 1, max: 7 }),
      async (kept, filter, limit) => {
        rmSync(path, { force: true });
        await using opened = open();
        const recent = new RecentRequests();
        const add = (outcome: Outcome) => {
          recent.add(outcome);
          opened.log.add(outcome);
        };
        for (const outcome of kept) add(outcome);
        const wanted = recent.list({ filter, limit: 500 }).requests;
        const more = () => add(outcomeOf({ requestId: "later" }));
        expect(await allPages((question) => recent.list(question), filter, limit, more)).toEqual(wanted);
        // What was added meanwhile is among the newest now, and before every cursor that follows.
        const all = recent.list({ filter, limit: 500 }).requests;
        expect(await allPages((question) => opened.log.list(question), filter, limit, more)).toEqual(all);
        for (const { requestId } of kept) {
          const { request, trace, others } = recent.find(requestId) ?? {};
          expect(await opened.log.find(requestId)).toEqual({
            ...{ request, others },
            trace: JSON.parse(JSON.stringify(trace)),
          } as never);
        }
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

test("a filter that fits nothing does not keep others from their turn", async () => {
  const clock = createFakeClock();
  await using opened = open({ clock });
  for (let number = 1; number <= 12_000; number += 1) opened.log.add(numbered(number));
  clock.advance(1_000);
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  expect(await idsIn(opened.log, { model: "nothing" })).toEqual([]);
  isOver = true;
  expect(turns).toBeGreaterThan(0);
  expect(await idsIn(opened.log, { id: "r3" })).toEqual(["r3"]);
});

test("looks no further back than since asks for", async () => {
  const clock = createFakeClock();
  await using opened = open({ clock });
  opened.log.add(numbered(1, { receivedAt: 5_000_000, durationMs: 10 }));
  opened.log.add(numbered(2, { receivedAt: 100, durationMs: 4_999_000 }));
  opened.log.add(numbered(3, { receivedAt: 5_001_000, durationMs: 10 }));
  expect(await idsIn(opened.log, { since: 4_000_000 })).toEqual(["r3", "r1"]);
  expect(await idsIn(opened.log, { since: 5_000_001 })).toEqual(["r3"]);
  expect(await idsIn(opened.log, { until: 5_000_000 })).toEqual(["r2", "r1"]);
});
