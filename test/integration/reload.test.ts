// Other settings while requests run: what stays as it is, what changes at once, and what is refused as a whole.
import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../src/lib/key-digest.ts";
import { engineNames } from "../../src/proxy/engine.ts";
import {
  chatBody,
  endpointAt,
  endpointOf,
  endpointStatus,
  first,
  post,
  second,
  streamingChat,
  systemStatus,
} from "../conformance/engine/engine-case.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Exchange } from "../support/socket-server.ts";
import { type OllaSettings, type RunningOlla, startOlla } from "../support/start-olla.ts";
import {
  answerJson,
  hangAfterTokens,
  hangBeforeHead,
  sseDone,
  sseToken,
} from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

async function servedBy(olla: RunningOlla, body = chatBody()): Promise<string | null> {
  const answer = await post(olla, body);
  await answer.arrayBuffer();
  return answer.headers.get("x-olla-endpoint");
}

async function finish(exchange: Exchange | undefined): Promise<void> {
  await exchange?.chunk(sseToken("end"));
  await exchange?.chunk(sseDone);
  await exchange?.endChunked();
}

describe("endpoints", () => {
  test("that are not touched keep their figures, their breaker and their conversations", async () => {
    await using alpha = new FakeUpstream();
    await using beta = new FakeUpstream();
    const broken = endpointAt(`http://127.0.0.1:${await findDeadPort()}`, alpha, "broken", { priority: 300 });
    await using olla = await startOlla({
      endpoints: [endpointOf(alpha, "alpha"), endpointOf(beta, "beta"), broken],
      proxy: {
        engine: "olla",
        sticky_sessions: { enabled: true },
        circuit_breaker: { failure_threshold: 1, open_duration: "10m" },
      },
    });
    const conversation = chatBody({ messages: [{ role: "user", content: "a beginning of its own" }] });
    const home = await servedBy(olla, conversation);
    const before = await endpointStatus(olla, home ?? "");
    expect(await systemStatus(olla)).toMatchObject({ total_requests: expect.any(Number) });

    await using gamma = new FakeUpstream();
    const report = await olla.reload({
      endpoints: [
        broken,
        endpointOf(gamma, "gamma"),
        endpointOf(beta, "beta", { priority: 150 }),
        endpointOf(alpha, "alpha", { priority: 150 }),
      ],
    });
    expect(report).toMatchObject({
      status: "reloaded",
      changes: {
        endpoints: {
          added: ["gamma"],
          removed: [],
          changed: [
            { name: "beta", keys: ["priority"] },
            { name: "alpha", keys: ["priority"] },
          ],
          unchanged: 1,
        },
      },
    });
    const after = await endpointStatus(olla, home ?? "");
    expect(after.request_count).toBe(before.request_count);
    expect(await endpointStatus(olla, "broken")).toMatchObject({ circuit_breaker: { state: "open" } });
    const again = await post(olla, conversation);
    await again.arrayBuffer();
    expect([again.headers.get("x-olla-endpoint"), again.headers.get("x-olla-sticky-session")]).toEqual([
      home,
      "hit",
    ]);
  });

  test("that are removed get nothing new, and what runs there ends there", async () => {
    await using alpha = new FakeUpstream({ behave: hangAfterTokens(["one"]) });
    await using beta = new FakeUpstream();
    const both = [endpointOf(alpha, "alpha", first), endpointOf(beta, "beta", second)];
    for (const engine of engineNames) {
      await using olla = await startOlla({ endpoints: both, proxy: { engine } });
      const running = await post(olla, streamingChat);
      expect(running.headers.get("x-olla-endpoint")).toBe("alpha");
      const report = await olla.reload({ endpoints: both.slice(1) });
      expect([...report.stillRunning]).toEqual([["alpha", 1]]);
      expect(await servedBy(olla)).toBe("beta");
      await finish(alpha.requests.at(-1));
      const text = await running.text();
      expect(text).toContain("end");
      expect(text).toEndWith("data: [DONE]\n\n");
    }
  });

  test("that are new were looked at before the reload ends, and are not used where they are down", async () => {
    await using alpha = new FakeUpstream();
    await using added = new FakeUpstream({ models: ["tiny", "brand-new"] });
    const down = `http://127.0.0.1:${await findDeadPort()}`;
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
    await olla.reload({
      endpoints: [
        endpointOf(alpha, "alpha"),
        { name: "down", url: down, type: "ollama", priority: 500 },
        endpointOf(added, "added", { priority: 400, type: "auto" }),
      ],
    });
    expect(await servedBy(olla, chatBody({}, "brand-new"))).toBe("added");
    expect(await servedBy(olla)).toBe("added");
    expect(await endpointStatus(olla, "added")).toMatchObject({ type: added.kind, status: "healthy" });
    expect(await endpointStatus(olla, "down")).toMatchObject({ status: "offline", request_count: 0 });
  });

  test("of the same name at another address begin anew", async () => {
    await using before = new FakeUpstream({ models: ["old"] });
    await using after = new FakeUpstream({ models: ["new"] });
    await using olla = await startOlla({ endpoints: [endpointOf(before, "box")] });
    await servedBy(olla, chatBody({}, "old"));
    const report = await olla.reload({ endpoints: [endpointOf(after, "box")] });
    expect(report.changes?.endpoints.changed).toEqual([{ name: "box", keys: ["url"] }]);
    expect(await endpointStatus(olla, "box")).toMatchObject({ request_count: 0 });
    const gone = await post(olla, chatBody({}, "old"));
    expect(gone.status).toBe(404);
    await gone.arrayBuffer();
    expect(await servedBy(olla, chatBody({}, "new"))).toBe("box");
    expect(before.requests).toHaveLength(1);
  });

  test("whose kind was found out keep it, and one that is told its kind is not asked any more", async () => {
    await using upstream = new FakeUpstream({ kind: "ollama" });
    await using olla = await startOlla({ endpoints: [{ name: "box", url: upstream.url, type: "auto" }] });
    expect(await endpointStatus(olla, "box")).toMatchObject({ type: "ollama" });
    await olla.reload({ endpoints: [{ name: "box", url: upstream.url, type: "auto", priority: 7 }] });
    expect(await endpointStatus(olla, "box")).toMatchObject({ type: "ollama", priority: 7 });
    await olla.reload({ endpoints: [{ name: "box", url: upstream.url, type: "openai-compatible" }] });
    expect(await endpointStatus(olla, "box")).toMatchObject({ type: "openai-compatible" });
  });

  test("with a higher limit take those who wait, and one that goes sends its waiting requests elsewhere", async () => {
    await using alpha = new FakeUpstream({ behave: hangBeforeHead });
    const limited = (max: number) => [endpointOf(alpha, "alpha", { max_concurrent: max })];
    await using olla = await startOlla({ endpoints: limited(1) });
    const held = [post(olla), post(olla)];
    await waitUntil(async () => (await endpointStatus(olla, "alpha")).queue !== undefined, {
      what: "one request waits",
    });
    await olla.reload({ endpoints: limited(2) });
    await waitUntil(() => alpha.requests.length === 2, { what: "both are under way" });
    const third = post(olla);
    await waitUntil(async () => JSON.stringify(await endpointStatus(olla, "alpha")).includes('"depth":1'), {
      what: "the third waits",
    });
    await using beta = new FakeUpstream();
    await olla.reload({ endpoints: [endpointOf(beta, "beta")] });
    const answer = await third;
    expect([answer.status, answer.headers.get("x-olla-endpoint")]).toEqual([200, "beta"]);
    for (const exchange of alpha.requests) await answerJson({ done: true })(exchange);
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe("settings", () => {
  const upstreams = { models: ["tiny", "other:latest"] };

  test("of all kinds hold from the next request on", async () => {
    await using alpha = new FakeUpstream(upstreams);
    const folder = await mkdtemp(join(tmpdir(), "olla-reload-"));
    try {
      await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
      const ask = async (body = chatBody(), headers: Record<string, string> = {}) => {
        const answer = await post(olla, body, { headers });
        await answer.arrayBuffer();
        return answer.status;
      };
      const reload = (changed: Partial<OllaSettings>) => olla.reload(changed);
      expect(await ask(chatBody({}, "nick"))).toBe(404);
      await reload({ sections: { model_aliases: { nick: ["other:latest"] } } });
      expect(await ask(chatBody({}, "nick"))).toBe(200);

      await reload({ server: { request_limits: { max_body_size: 50 } } });
      expect(await ask(chatBody({ padding: "x".repeat(100) }))).toBe(413);
      await reload({ server: { rate_limits: { global_requests_per_minute: 1, burst_size: 1 } } });
      expect([await ask(), await ask()]).toEqual([200, 429]);

      const key = "canary-reload-0123456789abcdef";
      const keys = [{ name: "new", hash: `sha256:${digestOf(key)}` }];
      await reload({ server: {}, sections: { auth: { keys } } });
      expect([await ask(), await ask(chatBody(), { Authorization: `Bearer ${key}` })]).toEqual([401, 200]);
      await reload({ sections: {} });
      expect(await ask()).toBe(200);

      const path = join(folder, "requests.db");
      await reload({ sections: { request_log: { enabled: true, path } } });
      await ask();
      const log = await fetch(`${olla.url}/internal/requests`);
      expect(
        ((await log.json()) as { source?: string; requests: unknown[] }).requests.length,
      ).toBeGreaterThan(0);
      expect(await Bun.file(path).exists()).toBe(true);

      await reload({ sections: { logging: { level: "error" } }, proxy: { engine: "olla" } });
      const written = olla.output().length;
      expect(await ask()).toBe(200);
      expect(olla.output()).toHaveLength(written);
      const status = await fetch(`${olla.url}/internal/status`);
      expect(await status.json()).toMatchObject({ proxy: { engine: "olla" } });
      expect(olla.output()).not.toContain(key);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("of model discovery: off knows no models, on again finds them", async () => {
    await using alpha = new FakeUpstream(upstreams);
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
    const listed = async () => {
      const answer = await fetch(`${olla.url}/olla/models`);
      return ((await answer.json()) as { data: unknown[] }).data.length;
    };
    expect(await listed()).toBe(2);
    await olla.reload({ modelDiscovery: { enabled: false } });
    expect(await listed()).toBe(0);
    // Then names do not restrict routing.
    expect(await servedBy(olla, chatBody({}, "anything"))).toBe("alpha");
    await olla.reload({ modelDiscovery: {} });
    await waitUntil(async () => (await listed()) === 2, { what: "the models are known again" });
  });

  test("that count do not begin anew: a used-up limit and a key's parallel requests", async () => {
    await using alpha = new FakeUpstream({ behave: hangBeforeHead });
    const key = "canary-parallel-0123456789abcdef";
    const sections = (more: object) => ({
      auth: { keys: [{ name: "one", hash: `sha256:${digestOf(key)}`, max_parallel: 1, ...more }] },
    });
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")], sections: sections({}) });
    const ask = () => post(olla, chatBody(), { headers: { Authorization: `Bearer ${key}` } });
    const held = ask();
    await waitUntil(() => alpha.requests.length === 1, { what: "the first is under way" });
    await olla.reload({ sections: sections({ priority: 3 }) });
    expect((await ask()).status).toBe(429);
    const [exchange] = alpha.requests;
    if (exchange !== undefined) await answerJson({ done: true })(exchange);
    expect((await held).status).toBe(200);
    alpha.behave = answerJson({ done: true });
    expect((await ask()).status).toBe(200);
  });
});

describe("a reading", () => {
  test("with an error changes nothing, and is told wherever somebody looks", async () => {
    await using alpha = new FakeUpstream();
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
    const report = await olla.reload({ endpoints: [], proxy: { load_balancer: "best-one" } });
    expect(report).toMatchObject({ status: "rejected", changes: undefined });
    expect(await servedBy(olla)).toBe("alpha");

    const answer = await fetch(`${olla.url}/internal/reload`, { method: "POST" });
    expect(answer.status).toBe(422);
    const body = (await answer.json()) as { errors: string[]; error: { message: string; code: string } };
    expect(body.error).toMatchObject({ code: "config_rejected" });
    expect(body.errors).toEqual([
      expect.stringMatching(/^\/nowhere\/olla\.yaml:\d+:\d+ {2}proxy\.load_balancer: /),
    ]);
    expect(body.error.message).toContain(body.errors[0] ?? "nothing");
    const status = await fetch(`${olla.url}/internal/status`);
    expect(await status.json()).toMatchObject({
      config: {
        file: "/nowhere/olla.yaml",
        is_current: false,
        last_reload: { status: "rejected", cause: "request", errors: 1 },
      },
    });
    const view = await fetch(`${olla.url}/internal/config`);
    expect(await view.json()).toMatchObject({ last_reload: { status: "rejected", errors: body.errors } });
    const metrics = await (await fetch(`${olla.url}/internal/metrics`)).text();
    expect(metrics).toContain("olla_config_last_reload_successful 0");
    expect(metrics).toContain('olla_config_reloads_total{result="rejected"} 2');
    expect(olla.output()).toContain("the one in force stays");

    const mended = await olla.reload({ proxy: {}, endpoints: [endpointOf(alpha, "renamed")] });
    expect(mended.status).toBe("reloaded");
    const after = await (await fetch(`${olla.url}/internal/metrics`)).text();
    expect(after).toContain("olla_config_last_reload_successful 1");
    const since = /^olla_config_last_reload_success_timestamp_seconds (\S+)$/m.exec(after)?.[1];
    expect(Number(since)).toBeCloseTo(mended.at / 1000, 1);
    expect(await servedBy(olla)).toBe("renamed");
  });

  test("of what is in force says so", async () => {
    await using alpha = new FakeUpstream();
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
    const answer = await fetch(`${olla.url}/internal/reload`, { method: "POST" });
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({
        status: "unchanged",
        endpoints: { added: [], removed: [], changed: [], unchanged: 1 },
        values: [],
        restart_required: [],
        errors: [],
      }),
    ]);
  });

  test("names the keys that take a restart until there was one, and leaves them as they are", async () => {
    await using alpha = new FakeUpstream();
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
    const changed = { server: { host: "0.0.0.0", idle_timeout: "9s" }, proxy: { read_timeout: "7m" } };
    const expected = {
      status: "reloaded",
      restart_required: ["server.host", "server.idle_timeout"],
      values: [{ key: "proxy.read_timeout", from: "10m", to: "7m" }],
    };
    const report = await olla.reload(changed);
    expect(report.waitingForRestart).toEqual(expected.restart_required);
    expect(report.changes?.values).toEqual(expected.values);
    const again = await fetch(`${olla.url}/internal/reload`, { method: "POST" });
    expect(await again.json()).toMatchObject({
      status: "unchanged",
      restart_required: expected.restart_required,
    });
    const view = (await (await fetch(`${olla.url}/internal/config`)).json()) as {
      sections: { keys: { key: string; value: unknown }[] }[];
    };
    const host = view.sections.flatMap(({ keys }) => keys).find(({ key }) => key === "server.host");
    expect(host?.value).toBe("127.0.0.1");
    expect(olla.output()).toContain("These keys take a restart");
  });

  test("is for admins only, and only by POST", async () => {
    await using alpha = new FakeUpstream();
    const key = "canary-admin-0123456789abcdef";
    await using olla = await startOlla({
      endpoints: [endpointOf(alpha, "alpha")],
      server: { admin: { key } },
      readiness: "listening",
    });
    const ask = async (method: string, headers = {}) =>
      (await fetch(`${olla.url}/internal/reload`, { method, headers })).status;
    const authorization = { Authorization: `Bearer ${key}` };
    expect(await ask("POST")).toBe(401);
    expect(await ask("GET", authorization)).toBe(405);
    expect(await ask("POST", authorization)).toBe(200);
    // Another key holds at once, for the one that changes it back as well.
    await olla.reload({ server: { admin: { key: `${key}-other` } } });
    expect(await ask("POST", authorization)).toBe(401);
    expect(olla.output()).not.toContain(key);
  });

  test("tells open pages to come again, and keeps a client's stream as it is", async () => {
    await using alpha = new FakeUpstream({ behave: hangAfterTokens(["one"]) });
    await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
    const page = await fetch(`${olla.url}/internal/events`);
    const running = await post(olla, streamingChat);
    await olla.reload({ proxy: { load_balancer: "round-robin" } });
    const told = await page.text();
    expect(told).toEndWith("event: renewed\ndata: {}\n\n");
    await finish(alpha.requests[0]);
    expect(await running.text()).toEndWith("data: [DONE]\n\n");
  });
});

test("10,000 requests across 50 reloads: none fails", async () => {
  await using alpha = new FakeUpstream();
  await using beta = new FakeUpstream();
  await using gamma = new FakeUpstream();
  const upstreams = [alpha, beta, gamma];
  await using olla = await startOlla({
    endpoints: [endpointOf(alpha, "alpha")],
    sections: { logging: { level: "warn" } },
  });
  const requests = 10_000;
  const reloads = 50;
  const failures: string[] = [];
  let asked = 0;
  let reloaded = 0;
  const client = async () => {
    while (asked < requests) {
      asked += 1;
      const answer = await post(olla);
      const text = await answer.text();
      if (answer.status !== 200) failures.push(`${answer.status} ${text}`);
    }
  };
  const operator = async () => {
    while (reloaded < reloads) {
      // Every round another one is there alone, under a name that nobody knew: the only one that has the model. It takes
      // fewer at once than there are clients, so some wait for one that is just going.
      const upstream = upstreams[reloaded % upstreams.length] ?? alpha;
      const engine = engineNames[reloaded % 2];
      const report = await olla.reload({
        endpoints: [endpointOf(upstream, `box-${reloaded}`, { max_concurrent: 6 })],
        proxy: { engine, load_balancer: reloaded % 3 === 0 ? "least-connections" : "round-robin" },
      });
      if (report.status !== "reloaded") failures.push(JSON.stringify(report.problems));
      reloaded += 1;
      // So that they are spread over the requests.
      const due = (requests / reloads) * reloaded;
      await waitUntil(() => asked >= Math.min(due, requests), {
        what: "the requests go on",
        deadlineMs: 60_000,
      });
    }
  };
  await Promise.all([operator(), ...Array.from({ length: 16 }, client)]);
  expect(failures).toEqual([]);
  expect([asked >= requests, reloaded]).toEqual([true, reloads]);
  expect(Math.min(...upstreams.map((upstream) => upstream.requests.length))).toBeGreaterThan(0);
}, 60_000);

test("reloads pile up nothing, although the last requests can still be explained", async () => {
  await using alpha = new FakeUpstream();
  await using olla = await startOlla({ endpoints: [endpointOf(alpha, "alpha")] });
  const functionsAfter = async (reloads: number) => {
    for (let count = 0; count < reloads; count += 1) {
      await olla.reload({ endpoints: [endpointOf(alpha, `box-${count % 3}`)] });
      await servedBy(olla);
    }
    Bun.gc(true);
    return heapStats().objectTypeCounts.Function ?? 0;
  };
  const few = await functionsAfter(10);
  // Each configuration takes some two thousand.
  expect((await functionsAfter(40)) - few).toBeLessThan(10_000);
  const answer = await fetch(`${olla.url}/internal/requests?limit=50`);
  const { requests } = (await answer.json()) as { requests: { id: string }[] };
  const oldest = await fetch(`${olla.url}/internal/requests/${requests.at(-1)?.id}`);
  expect(await oldest.json()).toMatchObject({
    trace: { candidates: [{ endpoint: "box-0", rank: 0 }] },
  });
}, 30_000);
