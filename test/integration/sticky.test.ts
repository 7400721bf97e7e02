// Sticky sessions over the wire: who answers, what the headers say, and what is remembered.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, resetBeforeHead, streamTokens } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

type Json = Readonly<Record<string, unknown>>;

const quick = { check_interval: "1s", check_timeout: "500ms" } as const;

interface Fleet extends AsyncDisposable {
  readonly olla: RunningOlla;
  readonly upstreams: Readonly<Record<string, FakeUpstream>>;
}

/** Three equal endpoints that take turns, so that nobody stays with one by accident. */
async function startFleet(sticky: Json = {}, proxy: Json = {}): Promise<Fleet> {
  await using started = new AsyncDisposableStack();
  const upstreams: Record<string, FakeUpstream> = {};
  for (const name of ["a", "b", "c"]) {
    upstreams[name] = started.use(new FakeUpstream({ kind: "vllm", models: ["tiny", "other"] }));
  }
  const olla = started.use(
    await startOlla({
      endpoints: Object.entries(upstreams).map(([name, { url }]) => ({ name, url, type: "vllm", ...quick })),
      proxy: { load_balancer: "round-robin", sticky_sessions: { enabled: true, ...sticky }, ...proxy },
    }),
  );
  const owned = started.move();
  return { olla, upstreams, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface Served {
  readonly status: number;
  readonly endpoint: string | null;
  readonly outcome: string | null;
  readonly source: string | null;
  readonly sessionId: string | null;
}

interface Asked {
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

async function ask(
  olla: RunningOlla,
  body: Json,
  { path = "chat/completions", headers }: Asked = {},
): Promise<Served> {
  const answer = await fetch(`${olla.url}/olla/proxy/v1/${path}`, {
    method: "POST",
    headers: headers ?? {},
    body: JSON.stringify({ model: "tiny", ...body }),
  });
  await answer.arrayBuffer();
  return {
    status: answer.status,
    endpoint: answer.headers.get("x-olla-endpoint"),
    outcome: answer.headers.get("x-olla-sticky-session"),
    source: answer.headers.get("x-olla-sticky-key-source"),
    sessionId: answer.headers.get("x-olla-session-id"),
  };
}

async function statisticsOf(olla: RunningOlla): Promise<Json> {
  return (await (await fetch(`${olla.url}/internal/stats/sticky`)).json()) as Json;
}

const inSession = (id: string): Asked => ({ headers: { "x-olla-session-id": id } });

describe("a conversation", () => {
  test("stays with the endpoint of its first turn, and another goes its own way", async () => {
    await using fleet = await startFleet();
    const first = await ask(fleet.olla, {}, inSession("one"));
    expect(first).toMatchObject({ status: 200, outcome: "miss", source: "session_header", sessionId: "one" });
    for (let turn = 0; turn < 5; turn++) {
      expect(await ask(fleet.olla, {}, inSession("one"))).toEqual({ ...first, outcome: "hit" });
    }
    const second = await ask(fleet.olla, {}, inSession("two"));
    expect(second).toMatchObject({ outcome: "miss", sessionId: "two" });
    expect(second.endpoint).not.toBe(first.endpoint);
    expect(await statisticsOf(fleet.olla)).toEqual({
      enabled: true,
      active_sessions: 2,
      insertions: 2,
      hits: 5,
      misses: 2,
      evictions: 0,
      max_sessions: 10_000,
      idle_ttl_seconds: 600,
    });
  });

  test("is known by its beginning, on each turn, from the first", async () => {
    await using fleet = await startFleet();
    const messages = [{ role: "user", content: "Hello" }];
    const first = await ask(fleet.olla, { messages });
    expect(first).toMatchObject({ outcome: "miss", source: "prefix_hash", sessionId: null });
    for (const content of ["And then?", "And in the end?"]) {
      messages.push({ role: "assistant", content: "So" }, { role: "user", content });
      expect(await ask(fleet.olla, { stream: false, messages })).toEqual({ ...first, outcome: "hit" });
    }
    expect(await ask(fleet.olla, { messages: [{ role: "user", content: "Bye" }] })).toMatchObject({
      outcome: "miss",
    });
  });

  test.each([
    ["claude_session_header", {}, { headers: { "X-Claude-Code-Session-Id": "c" } }],
    ["prompt_cache_key", { prompt_cache_key: "k" }, {}],
    ["metadata_user_id", { metadata: { user_id: "u" } }, {}],
    ["auth_header", {}, { headers: { authorization: "Bearer tok" } }],
  ] as const)("is known by %s", async (source, body, asked) => {
    await using fleet = await startFleet();
    const first = await ask(fleet.olla, body, asked);
    expect(first).toMatchObject({ status: 200, outcome: "miss", source, sessionId: null });
    expect(await ask(fleet.olla, body, asked)).toEqual({ ...first, outcome: "hit" });
    expect(await ask(fleet.olla, body, asked)).toEqual({ ...first, outcome: "hit" });
  });

  test("of the Responses API is known by the answer that it refers to, though each turn names another", async () => {
    await using fleet = await startFleet();
    let count = 0;
    const behave = (...args: Parameters<ReturnType<typeof answerJson>>) => {
      count += 1;
      return answerJson({ id: `resp_${count}`, object: "response", output: [] })(...args);
    };
    for (const upstream of Object.values(fleet.upstreams)) upstream.behave = behave;
    const asked = { path: "responses" };
    const first = await ask(fleet.olla, { input: "Hello" }, asked);
    expect(first).toMatchObject({ outcome: "miss", source: "prefix_hash" });
    for (let turn = 1; turn <= 4; turn++) {
      expect(
        await ask(fleet.olla, { input: `and ${turn}`, previous_response_id: `resp_${turn}` }, asked),
      ).toEqual({
        ...first,
        outcome: "hit",
        source: "previous_response_id",
      });
    }
  });

  test("by address, where that is asked for", async () => {
    await using fleet = await startFleet({ key_sources: ["ip"] });
    const first = await ask(fleet.olla, {}, inSession("ignored"));
    expect(first).toMatchObject({ outcome: "miss", source: "ip", sessionId: null });
    expect(await ask(fleet.olla, {})).toEqual({ ...first, outcome: "hit" });
    expect((await ask(fleet.olla, { model: "other" })).outcome).toBe("miss");
  });

  test("that nothing identifies takes turns, and says so", async () => {
    await using fleet = await startFleet();
    const served = await Promise.all([1, 2, 3].map(() => ask(fleet.olla, {})));
    expect(new Set(served.map(({ endpoint }) => endpoint)).size).toBe(3);
    for (const each of served)
      expect(each).toMatchObject({ outcome: "disabled", source: null, sessionId: null });
    expect(await statisticsOf(fleet.olla)).toMatchObject({ active_sessions: 0, misses: 0 });
  });

  test("whose first requests come all at once is at one endpoint from then on", async () => {
    await using fleet = await startFleet();
    const served = await Promise.all(
      Array.from({ length: 12 }, () => ask(fleet.olla, {}, inSession("busy"))),
    );
    expect(new Set(served.map(({ endpoint }) => endpoint)).size).toBe(1);
    expect(await ask(fleet.olla, {}, inSession("busy"))).toMatchObject({
      endpoint: served[0]?.endpoint ?? null,
      outcome: "hit",
    });
    expect(await statisticsOf(fleet.olla)).toMatchObject({ active_sessions: 1, insertions: 1 });
  });
});

describe("an endpoint that fails", () => {
  test("loses its conversations to the one that served, at once", async () => {
    await using fleet = await startFleet();
    const first = await ask(fleet.olla, {}, inSession("one"));
    const lost = fleet.upstreams[first.endpoint ?? ""];
    if (lost === undefined) throw new Error("nobody served");
    lost.behave = resetBeforeHead;
    lost.health = resetBeforeHead;
    const moved = await ask(fleet.olla, {}, inSession("one"));
    expect(moved.status).toBe(200);
    expect(moved.endpoint).not.toBe(first.endpoint);
    // The purge may have come first, and then the conversation has begun anew.
    expect(["repin", "miss"]).toContain(moved.outcome ?? "");
    expect(await ask(fleet.olla, {}, inSession("one"))).toEqual({ ...moved, outcome: "hit" });
  });

  test("on a conversation's first turn leaves no pin", async () => {
    await using fleet = await startFleet();
    for (const name of ["a", "b"]) {
      const upstream = fleet.upstreams[name];
      if (upstream !== undefined) upstream.behave = resetBeforeHead;
    }
    const first = await ask(fleet.olla, {}, inSession("one"));
    expect(first).toMatchObject({ status: 200, endpoint: "c", outcome: "miss" });
    expect(await ask(fleet.olla, {}, inSession("one"))).toMatchObject({ endpoint: "c", outcome: "hit" });
  });

  test("its probe loses its sessions, and no others are lost", async () => {
    await using fleet = await startFleet({}, { load_balancer: "priority" });
    for (let session = 0; session < 12; session++) await ask(fleet.olla, {}, inSession(`${session}`));
    const used = await ask(fleet.olla, {}, inSession("0"));
    const upstream = fleet.upstreams[used.endpoint ?? ""];
    if (upstream === undefined) throw new Error("nobody served");
    upstream.health = answerJson({}, 500);
    const { evictions } = await waitUntil(
      async () => {
        const statistics = await statisticsOf(fleet.olla);
        return statistics.evictions === 0 ? undefined : statistics;
      },
      { what: "sessions are purged", deadlineMs: 10_000 },
    );
    expect(evictions).toBeGreaterThanOrEqual(1);
    expect(await statisticsOf(fleet.olla)).toMatchObject({ active_sessions: 12 - Number(evictions) });
    expect((await ask(fleet.olla, {}, inSession("0"))).outcome).toBe("miss");
  });
});

test("memory is bounded: the conversation that was not heard of for longest goes first", async () => {
  await using fleet = await startFleet({ max_sessions: 2 });
  for (const id of ["one", "two", "one", "three"]) await ask(fleet.olla, {}, inSession(id));
  expect((await ask(fleet.olla, {}, inSession("one"))).outcome).toBe("hit");
  expect((await ask(fleet.olla, {}, inSession("two"))).outcome).toBe("miss");
  expect(await statisticsOf(fleet.olla)).toMatchObject({ active_sessions: 2, evictions: 2, max_sessions: 2 });
});

test("streams are as sticky as whole answers", async () => {
  await using fleet = await startFleet();
  for (const upstream of Object.values(fleet.upstreams)) upstream.behave = streamTokens(["so", "on"]);
  const first = await ask(fleet.olla, { stream: true }, inSession("one"));
  expect(await ask(fleet.olla, { stream: true }, inSession("one"))).toEqual({ ...first, outcome: "hit" });
});

test("while the feature is off there is no header and no statistic", async () => {
  await using fleet = await startFleet({ enabled: false });
  const served = await ask(fleet.olla, {}, inSession("one"));
  expect(served).toMatchObject({ status: 200, outcome: null, source: null, sessionId: null });
  expect(await statisticsOf(fleet.olla)).toEqual({ enabled: false });
});
