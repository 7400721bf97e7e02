// The request log through the whole app: what is on record of each kind of outcome, and what its keys do.

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { digestOf } from "../../src/lib/key-digest.ts";
import {
  chatBody,
  chatPath,
  endpointAt,
  endpointOf,
  first,
  second,
  streamingChat,
} from "../conformance/engine/engine-case.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { parseLogLines } from "../support/log-lines.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  completionOf,
  hangAfterTokens,
  hangBeforeHead,
  resetAfterTokens,
  streamTokens,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

type Body = Record<string, unknown>;

interface Found {
  readonly request: Body;
  readonly trace: {
    readonly candidates: readonly Body[];
    readonly attempts: readonly Body[];
    readonly held_back: readonly Body[];
    readonly timings: Readonly<Record<string, number>>;
  };
  readonly others: number;
}

interface Page {
  readonly source: string;
  readonly note?: string;
  readonly requests: readonly Body[];
  readonly next: string | null;
}

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "olla-request-log-"));
  path = join(folder, "olla.db");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function startWithLog(settings: OllaSettings, keys: Body = {}, clock?: Clock): Promise<RunningOlla> {
  const requestLog = { enabled: true, path, ...keys };
  return startOlla({ ...settings, sections: { ...settings.sections, request_log: requestLog } }, clock);
}

function ask(olla: RunningOlla, id: string, body = chatBody(), init: RequestInit & { path?: string } = {}) {
  const headers = { "X-Request-ID": id, ...(init.headers as Record<string, string> | undefined) };
  return fetch(olla.url + (init.path ?? chatPath), { ...init, method: "POST", body, headers });
}

async function page(olla: RunningOlla, query = "", headers: Record<string, string> = {}): Promise<Page> {
  const answer = await fetch(`${olla.url}/internal/requests?${query}`, { headers });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Page;
}

/** Waits for it: a request is on record when its body has ended. */
async function recorded(olla: RunningOlla, id: string): Promise<Found> {
  const answer = await waitUntil(
    async () => {
      const response = await fetch(`${olla.url}/internal/requests/${encodeURIComponent(id)}`);
      return response.ok && response;
    },
    { what: `${id} is on record` },
  );
  return (await answer.json()) as Found;
}

/** Of what `toMatchObject` has seen nothing is left to calculate with. */
function numbersOf(...values: readonly unknown[]): number[] {
  return values.map(Number);
}

/** Asks, reads the answer to its end, and returns what is on record. */
async function askAndFind(
  olla: RunningOlla,
  id: string,
  ...rest: [body?: string, init?: RequestInit & { path?: string }]
): Promise<Found> {
  const answer = await ask(olla, id, ...rest);
  await answer.arrayBuffer().catch(() => undefined);
  return await recorded(olla, id);
}

const aTime = expect.stringMatching(/^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
const aNumber = expect.any(Number);

describe("on record is a request that", () => {
  test("was answered in one piece", async () => {
    await using alpha = new FakeUpstream();
    await using beta = new FakeUpstream({ models: ["other"] });
    await using olla = await startWithLog({
      endpoints: [endpointOf(alpha, "alpha", first), endpointOf(beta, "beta", second)],
    });
    const { request, trace, others } = await askAndFind(olla, "whole");
    expect(request).toEqual({
      id: "whole",
      time: aTime,
      method: "POST",
      path: chatPath,
      route: "proxy",
      dialect: "openai",
      stream: false,
      client: "127.0.0.1",
      model: "tiny",
      endpoint: "alpha",
      backend_type: "openai-compatible",
      status: 200,
      ending: "complete",
      attempts: 1,
      queue_ms: aNumber,
      duration_ms: aNumber,
      input_tokens: 3,
      output_tokens: 1,
      tokens_per_sec: aNumber,
      request_bytes: chatBody().length,
      response_bytes: JSON.stringify(completionOf("hello")).length,
    });
    expect(others).toBe(0);
    expect(trace).toMatchObject({ action: "routed", held_back: [] });
    expect(trace.candidates).toMatchObject([
      { endpoint: "alpha", model: "tiny", rank: 0, health: "healthy" },
      { endpoint: "beta", skipped: "model_missing", health: "healthy" },
    ]);
    expect(trace.attempts).toEqual([
      {
        endpoint: "alpha",
        model: "tiny",
        status: 200,
        durationMs: aNumber,
        startedMs: aNumber,
        queuedMs: aNumber,
      },
    ]);
    const { body_ms = -1, inspected_ms = -1, routed_ms = -1, head_ms = -1, duration_ms = -1 } = trace.timings;
    const order = [0, body_ms, inspected_ms, routed_ms, head_ms, duration_ms];
    expect(order.toSorted((one, other) => one - other)).toEqual(order);
    expect(await page(olla)).toMatchObject({ source: "database", requests: [request], next: null });
  });

  test("was streamed, under an alias", async () => {
    await using alpha = new FakeUpstream({ behave: streamTokens(["one", "two"]) });
    await using olla = await startWithLog({
      endpoints: [endpointOf(alpha, "alpha")],
      sections: { model_aliases: { quick: ["tiny"] } },
    });
    const body = chatBody({ stream: true }, "quick");
    const { request, trace } = await askAndFind(olla, "streamed", body);
    const [ttft = Number.NaN, duration = 0] = numbersOf(request.ttft_ms, request.duration_ms);
    expect(ttft).toBeGreaterThan(0);
    expect(ttft).toBeLessThanOrEqual(duration);
    expect(request).toMatchObject({ stream: true, alias: "quick", model: "tiny" });
    expect(trace).toMatchObject({ strategy: "alias", timings: { ttft_ms: ttft } });
    expect((await page(olla, "model=quick")).requests).toHaveLength(1);
  });

  test("was translated", async () => {
    await using alpha = new FakeUpstream();
    await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha")] });
    const body = chatBody({ max_tokens: 9 });
    const { request } = await askAndFind(olla, "translated", body, { path: "/olla/anthropic/v1/messages" });
    expect(request).toMatchObject({
      route: "anthropic",
      dialect: "anthropic",
      mode: "translation",
      status: 200,
    });
  });

  test("failed over", async () => {
    await using beta = new FakeUpstream();
    await using olla = await startWithLog({
      endpoints: [
        endpointAt(`http://127.0.0.1:${findDeadPort()}`, beta, "alpha", first),
        endpointOf(beta, "beta", second),
      ],
    });
    const { request, trace } = await askAndFind(olla, "elsewhere");
    expect(request).toMatchObject({
      endpoint: "beta",
      attempts: 2,
      status: 200,
      failed: "alpha: connect_refused",
    });
    expect(trace.candidates.map(({ endpoint, skipped }) => [endpoint, skipped])).toEqual([
      ["alpha", undefined],
      ["beta", undefined],
    ]);
    const [one = Number.NaN, other = 0] = numbersOf(...trace.attempts.map(({ startedMs }) => startedMs));
    expect(other).toBeGreaterThanOrEqual(one);
    expect(trace.attempts).toMatchObject([
      { endpoint: "alpha", error: "connect_refused", message: expect.any(String) },
      { endpoint: "beta", status: 200, durationMs: aNumber },
    ]);
  });

  test("its client left", async () => {
    await using alpha = new FakeUpstream({ behave: hangAfterTokens(["one"]) });
    await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha")] });
    const leaving = new AbortController();
    const answer = await ask(olla, "left", streamingChat, { signal: leaving.signal });
    await answer.body?.getReader().read();
    leaving.abort();
    const { request } = await recorded(olla, "left");
    expect(request).toMatchObject({ status: 499, ending: "client-abort", endpoint: "alpha", stream: true });
    expect(request.failed).toBeUndefined();
  });

  test("was cut by its endpoint", async () => {
    await using alpha = new FakeUpstream({ behave: resetAfterTokens(["one"]) });
    await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha")] });
    const { request, trace } = await askAndFind(olla, "cut", streamingChat);
    expect(request).toMatchObject({
      ending: "upstream-error",
      endpoint: "alpha",
      error: expect.any(String),
      error_code: expect.any(String),
      failed: expect.stringMatching(/^alpha: /),
    });
    expect(trace.attempts).toMatchObject([{ endpoint: "alpha", error: request.error_code }]);
  });

  test("was rejected, by routing and before it", async () => {
    await using alpha = new FakeUpstream();
    const key = "request-log-client-key-0123456789";
    await using olla = await startWithLog({
      endpoints: [endpointOf(alpha, "alpha")],
      readiness: "listening",
      sections: { auth: { keys: [{ name: "ann", hash: `sha256:${digestOf(key)}` }] } },
    });
    const { request } = await askAndFind(olla, "stranger");
    expect(request).toMatchObject({
      route: "proxy",
      status: 401,
      ending: "rejected",
      error_code: "unauthorized",
      attempts: 0,
    });
    const headers = { Authorization: `Bearer ${key}` };
    await waitUntil(async () => {
      const answer = await ask(olla, "warm", chatBody(), { headers });
      await answer.arrayBuffer();
      return answer.ok;
    });
    const missing = await askAndFind(olla, "missing", chatBody({}, "none"), { headers });
    expect(missing.request).toMatchObject({
      key: "ann",
      status: 404,
      ending: "rejected",
      error_code: "model_not_found",
      model: "none",
    });
    expect(missing.trace).toMatchObject({
      action: "rejected",
      candidates: [{ endpoint: "alpha", skipped: "model_missing" }],
      attempts: [],
    });
    expect((await page(olla, "ending=rejected&key=a*")).requests).toMatchObject([{ id: "missing" }]);
  });

  test("waited for its turn", async () => {
    await using alpha = new FakeUpstream({ behave: hangBeforeHead });
    await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha", { max_concurrent: 1 })] });
    const held = ask(olla, "held");
    await alpha.exchange(0);
    const waiting = ask(olla, "queued");
    await waitUntil(async () => {
      const live = (await (await fetch(`${olla.url}/internal/live`)).json()) as Page;
      return live.requests.some(({ phase, elapsed_ms }) => phase === "queued" && Number(elapsed_ms) > 5);
    });
    alpha.behave = answerJson(completionOf("well"));
    await alpha.requests[0]?.respondJson(completionOf("held"));
    await (await held).arrayBuffer();
    await (await waiting).arrayBuffer();
    const { request, trace } = await recorded(olla, "queued");
    expect(Number(request.queue_ms)).toBeGreaterThan(1);
    expect(trace.timings.queue_ms).toBe(Number(request.queue_ms));
    expect(Number(trace.attempts[0]?.queuedMs)).toBeGreaterThan(1);
    expect(Number((await recorded(olla, "held")).request.queue_ms)).toBeLessThan(Number(request.queue_ms));
  });

  test("was cancelled", async () => {
    await using alpha = new FakeUpstream({ behave: hangAfterTokens(["one"]) });
    await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha")] });
    const answer = await ask(olla, "a/b?c", streamingChat);
    const id = encodeURIComponent("a/b?c");
    const cancelled = await fetch(`${olla.url}/internal/requests/${id}/cancel`, { method: "POST" });
    expect(cancelled.status).toBe(200);
    await answer.text().catch(() => undefined);
    const { request } = await recorded(olla, "a/b?c");
    expect(request).toMatchObject({ id: "a/b?c", ending: "cancelled", error_code: "cancelled" });
    expect(request.failed).toBeUndefined();
  });
});

test("what Olla answers itself is not on record", async () => {
  await using alpha = new FakeUpstream();
  await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha")] });
  for (const own of [
    "/",
    "/version",
    "/internal/status",
    "/olla/models",
    "/olla/proxy/v1/models",
    "/nothing",
  ]) {
    await (await fetch(olla.url + own)).arrayBuffer();
  }
  await askAndFind(olla, "only");
  expect((await page(olla)).requests.map(({ id }) => id)).toEqual(["only"]);
});

describe("request_log.", () => {
  const clockWithShift = () => {
    const shift = { ms: 0 };
    const clock: Clock = {
      ...systemClock,
      now: () => systemClock.now() + shift.ms,
      wallTime: () => systemClock.wallTime() + shift.ms,
    };
    return { clock, shift };
  };

  test("enabled writes to a file; without it the last 200 are in memory, and look the same", async () => {
    await using alpha = new FakeUpstream();
    const endpoints = [endpointOf(alpha, "alpha")];
    await using off = await startOlla({ endpoints, sections: { request_log: { path } } });
    const inMemory = await askAndFind(off, "one");
    expect((await page(off)).source).toBe("memory");
    expect(existsSync(path)).toBe(false);
    await using on = await startWithLog({ endpoints });
    const inDatabase = await askAndFind(on, "one");
    expect((await page(on)).source).toBe("database");
    expect(existsSync(path)).toBe(true);
    const shape = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, part: unknown) => (/_ms$|Ms$|^time$|per_sec$/.test(key) ? 0 : part)),
      );
    expect(shape(inDatabase)).toEqual(shape(inMemory));
    for (let number = 0; number < 205; number += 1) await (await ask(off, `n${number}`)).arrayBuffer();
    expect((await page(off, "limit=500")).requests).toHaveLength(200);
  });

  test("path is the file, from the working directory where it is relative; a restart keeps its rows", async () => {
    await using alpha = new FakeUpstream();
    const endpoints = [endpointOf(alpha, "alpha")];
    const keys = { path: relative(process.cwd(), join(folder, "other/requests.db")) };
    {
      await using olla = await startWithLog({ endpoints }, keys);
      await askAndFind(olla, "before");
    }
    expect(readdirSync(join(folder, "other"))).toEqual(["requests.db"]);
    await using olla = await startWithLog({ endpoints }, keys);
    await askAndFind(olla, "after");
    const { requests } = await page(olla);
    expect(requests.map(({ id }) => id)).toEqual(["after", "before"]);
  });

  test("max_age deletes older rows", async () => {
    await using alpha = new FakeUpstream();
    const { clock, shift } = clockWithShift();
    const endpoints = [endpointOf(alpha, "alpha", { check_interval: "1h" })];
    await using olla = await startWithLog({ endpoints }, { max_age: "1h" }, clock);
    await askAndFind(olla, "old");
    shift.ms = 1_800_000;
    await askAndFind(olla, "young");
    shift.ms = 3_700_000;
    await askAndFind(olla, "new");
    expect((await page(olla)).requests.map(({ id }) => id)).toEqual(["new", "young"]);
    using database = new Database(path, { readonly: true });
    await waitUntil(
      () => database.query("SELECT id FROM requests ORDER BY seq").values().join() === "young,new",
      {
        what: "the old row is deleted from the file",
      },
    );
  });

  test("max_size lets the oldest rows go, and 0 lets none", async () => {
    await using alpha = new FakeUpstream();
    const endpoints = [endpointOf(alpha, "alpha", { check_interval: "1h" })];
    const ids = Array.from({ length: 400 }, (_, index) => `n${index}`);
    const sizes = await Promise.all(
      [200 * 1024, 0].map(async (limit) => {
        const { clock, shift } = clockWithShift();
        const file = join(folder, `${limit}.db`);
        await using olla = await startWithLog({ endpoints }, { path: file, max_size: limit }, clock);
        // Long paths make large rows.
        const pathOf = (id: string) => `${chatPath}/${id.padEnd(600, "-")}`;
        for (const id of ids) await (await ask(olla, id, chatBody(), { path: pathOf(id) })).arrayBuffer();
        shift.ms = 61_000;
        await askAndFind(olla, "last");
        const kept = await waitUntil(async () => {
          const { requests } = await page(olla, "limit=500");
          const isSmall = statSync(file).size + statSync(`${file}-wal`).size <= limit;
          return (limit === 0 || isSmall) && requests;
        });
        expect(kept[0]?.id).toBe("last");
        return kept.length;
      }),
    );
    expect(sizes[0]).toBeLessThan(401);
    expect(sizes[0]).toBeGreaterThan(50);
    expect(sizes[1]).toBe(401);
  });
});

describe("a file that", () => {
  test("is something else ends the start with a word about the cure", async () => {
    const config = JSON.stringify({ request_log: { enabled: true, path: "notes.txt" } });
    const { code, stderr } = await runToEnd(["serve", "--config", "olla.yaml"], {
      command: sourceCommand,
      files: { "olla.yaml": config, "notes.txt": "dear diary" },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /request_log\.path: \S*notes\.txt is no database: move it away, or name another file/,
    );
  }, 20_000);

  test("cannot be made is an error in the log, and requests are served and kept in memory", async () => {
    await using alpha = new FakeUpstream();
    writeFileSync(join(folder, "file"), "");
    await using olla = await startWithLog(
      { endpoints: [endpointOf(alpha, "alpha")] },
      { path: join(folder, "file/olla.db") },
    );
    await askAndFind(olla, "served");
    expect(await page(olla)).toMatchObject({
      source: "memory",
      note: expect.stringContaining("The request log cannot be opened"),
      requests: [{ id: "served", status: 200 }],
    });
    const errors = parseLogLines(olla.output()).filter(({ level }) => level === "error");
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).toContain("The request log cannot be opened");
  });
});

describe("while Olla runs, a file that", () => {
  test("loses its tables is told of, and requests come from memory", async () => {
    await using alpha = new FakeUpstream();
    await using olla = await startWithLog({ endpoints: [endpointOf(alpha, "alpha")] });
    await askAndFind(olla, "before");
    using database = new Database(path);
    database.run("DROP TABLE entries");
    expect((await askAndFind(olla, "after")).request.status).toBe(200);
    expect(await page(olla)).toMatchObject({
      source: "memory",
      note: expect.stringContaining("The request log cannot be read"),
      requests: [{ id: "after" }, { id: "before" }],
    });
    expect(olla.output()).toContain("The request log could not be written");
  });

  test("is left behind by a kill has what was written, and is whole", async () => {
    await using alpha = new FakeUpstream();
    const endpoints = [endpointOf(alpha, "alpha")];
    {
      await using olla = await spawnOlla({ endpoints, sections: { request_log: { enabled: true, path } } });
      for (const id of ["one", "two"]) {
        const answer = await fetch(olla.url + chatPath, {
          method: "POST",
          headers: { "X-Request-ID": id },
          body: chatBody(),
        });
        await answer.arrayBuffer();
      }
      const answer = await fetch(`${olla.url}/internal/requests/two`);
      expect(answer.status).toBe(200);
      olla.signal("SIGKILL");
      await olla.exited;
    }
    await using olla = await startWithLog({ endpoints });
    expect((await page(olla)).requests.map(({ id }) => id)).toEqual(["two", "one"]);
    using database = new Database(path, { readonly: true });
    expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  }, 20_000);
});

test("no secret is in the file or in what is shown of it", async () => {
  const canaries = {
    client: "canary-client-key-0123456789abcdef",
    admin: "canary-admin-key-0123456789abcdef",
    endpoint: "canary-endpoint-token-0123456789",
    query: "canary-query-0123456789",
    header: "canary-header-0123456789",
    body: "canary-body-0123456789",
    answer: "canary-answer-0123456789",
    refusal: "canary-refusal-0123456789",
  } as const;
  await using alpha = new FakeUpstream({ kind: "vllm", behave: answerJson(completionOf(canaries.answer)) });
  const auth = { type: "bearer", token: canaries.endpoint };
  const dead = `http://127.0.0.1:${findDeadPort()}/?api_key=${canaries.endpoint}`;
  const outputs: string[] = [];
  let bytes: string;
  {
    await using olla = await startWithLog({
      readiness: "listening",
      endpoints: [
        { ...endpointAt(dead, alpha, "dead", first), headers: { "x-secret": canaries.endpoint } },
        endpointOf(alpha, "alpha", { ...second, auth }),
      ],
      server: { admin: { key: canaries.admin } },
      sections: { auth: { keys: [{ name: "ann", hash: `sha256:${digestOf(canaries.client)}` }] } },
    });
    const admin = { Authorization: `Bearer ${canaries.admin}` };
    const body = chatBody({ user: canaries.body, messages: [{ role: "user", content: canaries.body }] });
    const query = `?api_key=${canaries.query}&token=${canaries.query}&note=${canaries.query}`;
    const headers = { "X-Secret": canaries.header, Cookie: canaries.header, "User-Agent": canaries.header };
    const asWho = [
      { Authorization: `Bearer ${canaries.client}` },
      { "x-api-key": canaries.client },
      { Authorization: `Basic ${btoa(`x:${canaries.client}`)}` },
      { Authorization: `Bearer ${canaries.header}` },
      {},
    ];
    await waitUntil(async () => {
      const answer = await ask(olla, "warm", body, { headers: { ...asWho[0] } });
      await answer.arrayBuffer();
      return answer.ok;
    });
    const refusal = answerJson({ error: { message: canaries.refusal } }, 500);
    for (const behave of [alpha.behave, refusal, resetAfterTokens([canaries.answer])]) {
      alpha.behave = behave;
      for (const who of asWho) {
        const path = `${chatPath}${query}`;
        const answer = await ask(olla, "asked", body, { path, headers: { ...headers, ...who } });
        await answer.arrayBuffer().catch(() => undefined);
      }
    }
    const { requests } = await waitUntil(async () => {
      const found = await page(olla, "id=asked", admin);
      return found.requests.length === 15 && found;
    });
    outputs.push(JSON.stringify(requests));
    for (const id of ["asked", "warm"]) {
      outputs.push(await (await fetch(`${olla.url}/internal/requests/${id}`, { headers: admin })).text());
    }
    bytes = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), "latin1"))
      .join("");
  }
  bytes += readFileSync(path, "latin1");
  // What is there shows that the search sees what there is.
  for (const text of [bytes, outputs.join("\n")]) {
    expect(text).toContain("alpha");
    expect(text).toContain("ann");
    for (const canary of Object.values(canaries)) {
      expect(text).not.toContain(canary);
      expect(text).not.toContain(digestOf(canary));
      expect(text).not.toContain(btoa(`x:${canary}`));
    }
  }
});
