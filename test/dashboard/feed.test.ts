// The feed behind the dashboard, over real connections.
import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { readSse, type SseEvent } from "../support/read-sse.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import { hangAfterTokens } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

type Body = Record<string, unknown>;

interface Listening extends AsyncDisposable {
  readonly response: Response;
  next(): Promise<SseEvent | undefined>;
  /** The first tick of which something is so. */
  tickWith(isSo: (tick: Body) => boolean): Promise<Body>;
}

async function listen(olla: RunningOlla, headers: Record<string, string> = {}): Promise<Listening> {
  const abort = new AbortController();
  const response = await fetch(`${olla.url}/internal/events`, { headers, signal: abort.signal });
  const events = readSse(response.body);
  const next = async () => {
    const { value, done } = await within(events.next(), 10_000, "an event comes");
    return done === true ? undefined : value;
  };
  return {
    response,
    next,
    async tickWith(isSo) {
      for (let tries = 0; tries < 15; tries += 1) {
        const event = await next();
        const body = JSON.parse(event?.data ?? "{}") as Body;
        if (event?.event === "tick" && isSo(body)) return body;
      }
      throw new Error("no tick told of it");
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
    },
  };
}

function settingsFor(upstream: FakeUpstream, server: Record<string, unknown> = {}): OllaSettings {
  return { endpoints: [{ name: "alpha", url: upstream.url, type: "openai-compatible" }], server };
}

async function chat(
  olla: RunningOlla,
  stream = false,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await fetch(`${olla.url}/olla/openai/v1/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "tiny", stream, messages: [] }),
  });
}

/** As somebody on another machine is, who comes through a proxy. */
const fromElsewhere = { "X-Forwarded-For": "192.0.2.1" };

describe("/internal/events", () => {
  test("says hello with everything, then ticks", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream));
    await using feed = await listen(olla);
    expect(feed.response.headers.get("content-type")).toBe("text/event-stream");
    expect(feed.response.headers.get("x-accel-buffering")).toBe("no");
    expect(feed.response.headers.get("content-encoding")).toBeNull();
    const hello = await feed.next();
    expect(hello?.event).toBe("hello");
    const body = JSON.parse(hello?.data ?? "{}") as Body;
    expect(Object.keys(body).sort()).toEqual([
      "can_act",
      "can_see_requests",
      "config",
      "endpoints",
      "history",
      "in_flight",
      "live",
      "security",
      "started_at",
      "system",
      "time",
      "version",
    ]);
    expect(body.can_act).toBe(true);
    const tick = await feed.next();
    expect(tick?.event).toBe("tick");
    expect(JSON.parse(tick?.data ?? "{}")).toMatchObject({
      endpoints: [{ name: "alpha", status: "healthy" }],
      system: { status: "healthy", endpoints_up: "1/1" },
      live: [],
    });
  });

  test("tells of requests under way and of those that ended, and not of looks at Olla itself", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream));
    await using feed = await listen(olla);
    upstream.behave = hangAfterTokens(["one"]);
    const answer = await chat(olla, true, { "X-Request-ID": "watched" });
    const running = await feed.tickWith(({ live }) => (live as Body[]).length > 0);
    expect(running.live).toMatchObject([
      { id: "watched", endpoint: "alpha", model: "tiny", phase: "streaming" },
    ]);
    expect(running.in_flight).toBe(1);
    await answer.body?.cancel();
    await (await fetch(`${olla.url}/internal/status`)).text();
    const seen = await feed.tickWith(({ ended }) => (ended as { requests: Body[] }).requests.length > 0);
    expect(seen.ended).toMatchObject({ requests: [{ id: "watched", ending: "client-abort" }], omitted: 0 });
  });

  test("who may not act learns nothing of single requests", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream));
    await using feed = await listen(olla, fromElsewhere);
    const hello = JSON.parse((await feed.next())?.data ?? "{}") as Body;
    expect([hello.can_act, hello.can_see_requests, "live" in hello]).toEqual([false, false, false]);
    await (await chat(olla, false, { "X-Request-ID": "private" })).text();
    const counted = await feed.tickWith(({ rates }) =>
      (rates as { requests: number[] }).requests.includes(1),
    );
    expect(Object.keys(counted)).not.toContain("live");
    expect(JSON.stringify(counted)).not.toContain("private");
  });

  test("is over at once when Olla stops, long before the running answers are", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream, { shutdown_timeout: "60s" }));
    await using feed = await listen(olla);
    await feed.next();
    await within(olla.stop(), 5_000, "olla stops");
    let last: SseEvent | undefined;
    do last = await feed.next();
    while (last !== undefined);
  });

  test("takes fifty listeners, and another when one has hung up", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream));
    const feeds = await Promise.all(Array.from({ length: 50 }, () => listen(olla)));
    try {
      const refused = await fetch(`${olla.url}/internal/events`);
      expect(refused.status).toBe(429);
      expect(await refused.text()).toContain("Too many pages listen");
      await feeds[0]?.[Symbol.asyncDispose]();
      await waitUntil(
        async () => {
          await using feed = await listen(olla);
          return feed.response.status === 200;
        },
        { what: "there is room for another listener" },
      );
    } finally {
      for (const feed of feeds) await feed[Symbol.asyncDispose]();
    }
  });

  test("can only be read", async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla(settingsFor(upstream));
    const answer = await fetch(`${olla.url}/internal/events`, { method: "POST" });
    expect(answer.status).toBe(405);
    await answer.text();
  });
});
