// Keys whose effect no case of the engines shows, each by what a client and the endpoints see of it.
import { expect, test } from "bun:test";
import { neverRetriedStatuses } from "../../src/pipeline/failover-policy.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { parseLogLines } from "../support/log-lines.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, hangAfterTokens, hangBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

interface Pair extends AsyncDisposable {
  readonly failing: FakeUpstream;
  readonly alive: FakeUpstream;
  readonly olla: RunningOlla;
}

/** One that is asked first and behaves as told, and one that serves. */
async function startPair(behave: Behaviour, proxy: Readonly<Record<string, unknown>>): Promise<Pair> {
  await using started = new AsyncDisposableStack();
  const failing = started.use(new FakeUpstream({ behave }));
  const alive = started.use(new FakeUpstream());
  const endpoints = [
    { name: "failing", url: failing.url, type: failing.kind, priority: 200 },
    { name: "alive", url: alive.url, type: alive.kind, priority: 100 },
  ];
  const olla = started.use(await startOlla({ endpoints, proxy }));
  const owned = started.move();
  return { failing, alive, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const refuse: Behaviour = answerJson({ error: { message: "busy" } }, 503);

function ask({ url }: RunningOlla, extra: Readonly<Record<string, unknown>> = {}): Promise<Response> {
  const messages = [{ role: "user", content: "hi" }];
  return fetch(`${url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages, ...extra }),
  });
}

/** Of that many requests at once, each of which fails over. */
async function pausesOf(pair: Pair, count: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const startedAt = performance.now();
      expect((await ask(pair.olla)).status).toBe(200);
      return performance.now() - startedAt;
    }),
  );
}

test("proxy.max_retries is the number of attempts after the first one", async () => {
  await using none = await startPair(refuse, { max_retries: 0 });
  expect((await ask(none.olla)).status).toBe(503);
  expect(none.alive.requests).toHaveLength(0);

  await using three = await startPair(refuse, { max_retries: 3 });
  three.alive.behave = refuse;
  const answer = await ask(three.olla);
  expect([answer.status, answer.headers.get("x-olla-attempts")]).toEqual([503, "4"]);
  expect([three.failing.requests.length, three.alive.requests.length]).toEqual([2, 2]);
});

test("proxy.retry.max_attempts outranks proxy.max_retries", async () => {
  await using pair = await startPair(refuse, { max_retries: 3, retry: { max_attempts: 1 } });
  expect((await ask(pair.olla)).headers.get("x-olla-attempts")).toBe("1");
});

test("proxy.retry_backoff is the pause before the second attempt", async () => {
  await using pair = await startPair(refuse, { retry_backoff: "300ms", retry: { jitter: 0 } });
  const [pause = 0] = await pausesOf(pair, 1);
  expect(pause).toBeGreaterThan(280);
});

test("proxy.retry.jitter leaves its share of a pause to chance", async () => {
  await using all = await startPair(refuse, { retry: { backoff: "400ms", jitter: 1 } });
  // All ten draws below 0.1: once in ten thousand million runs.
  expect(Math.min(...(await pausesOf(all, 10)))).toBeLessThan(360);
  await using none = await startPair(refuse, { retry: { backoff: "400ms", jitter: 0 } });
  expect(Math.min(...(await pausesOf(none, 10)))).toBeGreaterThan(380);
});

test("proxy.retry.on_connection_failure: false tells the client, and other failures still fail over", async () => {
  await using witness = new FakeUpstream();
  const settings = {
    endpoints: [
      {
        name: "gone",
        url: `http://127.0.0.1:${findDeadPort()}`,
        type: "openai-compatible",
        health_check_url: `${witness.url}/v1/models`,
        model_url: `${witness.url}/v1/models`,
        check_interval: "60s",
        priority: 200,
      },
      { name: "alive", url: witness.url, type: "openai-compatible", priority: 100 },
    ],
  };
  await using strict = await startOlla({ ...settings, proxy: { retry: { on_connection_failure: false } } });
  const answer = await ask(strict);
  expect([answer.status, answer.headers.get("x-olla-error")]).toEqual([502, "connect_refused"]);
  expect(witness.requests).toHaveLength(0);

  await using usual = await startOlla(settings);
  expect((await ask(usual)).headers.get("x-olla-endpoint")).toBe("alive");

  await using pair = await startPair(refuse, { retry: { on_connection_failure: false } });
  expect((await ask(pair.olla)).headers.get("x-olla-endpoint")).toBe("alive");
});

test.each(neverRetriedStatuses)("a %i in proxy.retry.on_status changes nothing", async (status) => {
  await using pair = await startPair(answerJson({ error: { message: "no" } }, status), {
    retry: { on_status: [...neverRetriedStatuses, 503] },
  });
  expect((await ask(pair.olla)).status).toBe(status);
  expect(pair.alive.requests).toHaveLength(0);
});

test("proxy.keepalive_interval puts comments into a stream that has fallen silent", async () => {
  await using pair = await startPair(hangAfterTokens(["a"]), { keepalive_interval: "50ms" });
  const { body } = await ask(pair.olla, { stream: true });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (/^:.*\n\n:.*\n\n/m.test(text.slice(text.indexOf("\n\n") + 2))) break;
  }
  expect(text).toStartWith("data: ");
});

test("server.write_timeout ends an answer that takes longer, visibly", async () => {
  await using upstream = new FakeUpstream({ behave: hangAfterTokens(["a"]) });
  await using olla = await startOlla({
    endpoints: [{ name: "slow", url: upstream.url, type: upstream.kind }],
    server: { write_timeout: "300ms" },
  });
  const startedAt = performance.now();
  const text = await (await ask(olla, { stream: true })).text();
  expect(performance.now() - startedAt).toBeWithin(250, 2_500);
  expect(text).toContain("response_timeout");
  expect(text).not.toContain("[DONE]");
});

async function startOne(server: Readonly<Record<string, unknown>>): Promise<Omit<Pair, "failing">> {
  await using started = new AsyncDisposableStack();
  const alive = started.use(new FakeUpstream());
  const endpoints = [{ name: "alive", url: alive.url, type: alive.kind }];
  const olla = started.use(await startOlla({ endpoints, server }));
  const owned = started.move();
  return { alive, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const chatHead = "POST /olla/proxy/v1/chat/completions HTTP/1.1";

test("server.read_timeout ends a request whose body does not come", async () => {
  await using one = await startOne({ read_timeout: "200ms" });
  using client = await RawClient.connect(one.olla.port);
  client.send(`${chatHead}\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n{`);
  const answer = await client.readResponse();
  expect(answer.startLine).toContain("408");
  expect(JSON.parse(answer.text)).toHaveProperty("error.code", "request_timeout");
  expect(one.alive.requests).toHaveLength(0);
});

test("server.idle_timeout closes a connection that nobody uses, not one that waits for an answer", async () => {
  await using one = await startOne({ idle_timeout: "1s" });
  one.alive.behave = hangBeforeHead;
  using idle = await RawClient.connect(one.olla.port);
  using waiting = await RawClient.connect(one.olla.port);
  waiting.request(chatHead, [], '{"model":"tiny"}');
  idle.request("GET /internal/health HTTP/1.1");
  await idle.readResponse();
  await within(idle.closed, 10_000, "the idle connection is closed");
  expect(waiting.isClosed).toBe(false);
});

test("server.request_limits.max_header_size is counted by Olla itself", async () => {
  await using one = await startOne({ request_limits: { max_header_size: "5KiB" } });
  const askWith = (bytes: number) =>
    fetch(`${one.olla.url}/internal/health`, { headers: { "X-Long": "l".repeat(bytes) } });
  expect((await askWith(4_000)).status).toBe(200);
  expect((await askWith(6_000)).status).toBe(431);
});

test("server.request_logging: false leaves no access line of what went well", async () => {
  await using one = await startOne({ request_logging: false });
  expect((await ask(one.olla)).status).toBe(200);
  one.alive.behave = refuse;
  expect((await ask(one.olla)).status).toBe(503);
  await waitUntil(() => one.olla.accessLog().length > 0, { what: "the failure is logged" });
  expect(one.olla.accessLog().map(({ status }) => status)).toEqual([503]);
});

test("the status names engine and profile, the access line what failed", async () => {
  await using pair = await startPair(refuse, { engine: "olla", profile: "standard" });
  expect((await ask(pair.olla)).status).toBe(200);
  const status = (await (await fetch(`${pair.olla.url}/internal/status`)).json()) as { proxy: unknown };
  expect(status.proxy).toEqual({ engine: "olla", profile: "standard", balancer: "priority" });
  expect(pair.olla.accessLog().find(({ attempts }) => attempts === 2)).toMatchObject({
    failed: ["failing: 503"],
  });
});

test("engineering.show_nerdstats logs at the stop what the run took and did, and only then", async () => {
  const figures = async (isShown: boolean) => {
    await using upstream = new FakeUpstream();
    await using olla = await startOlla({
      endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
      sections: { engineering: { show_nerdstats: isShown } },
    });
    await (await ask(olla)).arrayBuffer();
    const records = () => parseLogLines(olla.output()).filter(({ msg }) => msg === "What this run took");
    expect(records()).toEqual([]);
    await olla.stop();
    return records();
  };
  expect(await figures(false)).toEqual([]);
  expect(await figures(true)).toMatchObject([
    { attempts: 1, failed_attempts: 0, output_tokens: 1, endpoints: 1, endpoints_healthy: 1, models: 1 },
  ]);
  const [record] = await figures(true);
  expect(Number(record?.memory_rss_bytes)).toBeGreaterThan(1e6);
});
