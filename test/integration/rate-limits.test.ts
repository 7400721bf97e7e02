// Limits from outside: who is counted as whom, what a refusal says, and that none of it depends on a body being read.
import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { LogRecord } from "../support/log-lines.ts";
import { portOf, RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

interface Limited extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly olla: RunningOlla;
}

async function startLimited(limits: object, server: object = {}): Promise<Limited> {
  await using started = new AsyncDisposableStack();
  const upstream = started.use(new FakeUpstream({ kind: "vllm", models: ["tiny"] }));
  const endpoints = [{ name: "gpu", url: upstream.url, type: "vllm" }];
  const olla = started.use(await startOlla({ endpoints, server: { rate_limits: limits, ...server } }));
  const owned = started.move();
  return { upstream, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function ask(
  { olla }: Limited,
  headers: Record<string, string> = {},
  path = "/olla/proxy/v1/chat/completions",
) {
  return fetch(`${olla.url}${path}`, { method: "POST", headers, body: JSON.stringify({ model: "tiny" }) });
}

function linesOf({ olla }: Limited): readonly LogRecord[] {
  return olla.accessLog().filter(({ path }) => !String(path).startsWith("/internal/"));
}

test("fifty clients at once get the burst and what flows in meanwhile, and not one request more", async () => {
  const perMinute = 600;
  const burst = 40;
  await using limited = await startLimited({ global_requests_per_minute: perMinute, burst_size: burst });
  const startedAt = performance.now();
  const statuses: number[] = [];
  let elapsedMs = 0;
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let round = 0; round < 12; round += 1) {
        const answer = await ask(limited);
        statuses.push(answer.status);
        await answer.body?.cancel();
      }
    }),
  );
  elapsedMs = performance.now() - startedAt;
  const passed = statuses.filter((status) => status === 200).length;
  expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([]);
  expect(statuses).toHaveLength(600);
  expect(passed).toBeGreaterThanOrEqual(burst);
  expect(passed).toBeLessThanOrEqual(burst + Math.floor((elapsedMs * perMinute) / 60_000));
  expect(limited.upstream.requests).toHaveLength(passed);
}, 30_000);

test("answers say what is left, refusals when to come back, and lists count like everything else", async () => {
  await using limited = await startLimited({ per_ip_requests_per_minute: 30, burst_size: 3 });
  const first = await ask(limited);
  expect([
    first.status,
    first.headers.get("x-ratelimit-limit"),
    first.headers.get("x-ratelimit-remaining"),
  ]).toEqual([200, "30", "2"]);
  const resetInSeconds = Number(first.headers.get("x-ratelimit-reset")) - Date.now() / 1000;
  expect(resetInSeconds).toBeGreaterThan(0);
  expect(resetInSeconds).toBeLessThan(4);
  const list = await fetch(`${limited.olla.url}/olla/proxy/v1/models`);
  expect([list.status, list.headers.get("x-ratelimit-remaining")]).toEqual([200, "1"]);
  await fetch(`${limited.olla.url}/v1/models`);
  for (const path of ["/olla/anthropic/v1/messages", "/v1/chat/completions", "/api/chat", "/olla/models"]) {
    const refused = await ask(limited, { "X-Request-ID": "mine-1" }, path);
    expect([path, refused.status, refused.headers.get("x-olla-request-id")]).toEqual([path, 429, "mine-1"]);
    expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 3);
    expect(refused.headers.get("content-type")).toBe("application/json");
  }
  await waitUntil(() => linesOf(limited).filter(({ status }) => status === 429).length === 4, {
    what: "access lines",
  });
  for (const path of ["/internal/health", "/internal/status", "/version"]) {
    expect((await fetch(limited.olla.url + path)).status).toBe(200);
  }
  const status = (await (await fetch(`${limited.olla.url}/internal/status`)).json()) as { security?: object };
  expect(JSON.stringify(status.security)).toContain("4");
});

test("health has a limit of its own", async () => {
  await using limited = await startLimited({ health_requests_per_minute: 1, burst_size: 2 });
  const statuses: number[] = [];
  for (let round = 0; round < 4; round += 1)
    statuses.push((await fetch(`${limited.olla.url}/internal/health`)).status);
  expect(statuses).toEqual([200, 200, 429, 429]);
  expect((await ask(limited)).status).toBe(200);
});

test("without limits nothing is said of any", async () => {
  await using limited = await startLimited({});
  const answer = await ask(limited);
  expect([...answer.headers.keys()].filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
});

test("behind a trusted proxy each client has a limit, and the endpoint is told who asked, once", async () => {
  await using limited = await startLimited({
    per_ip_requests_per_minute: 60,
    burst_size: 1,
    trust_proxy_headers: true,
    trusted_proxy_cidrs: ["127.0.0.0/8", "::1/128", "10.0.0.0/8"],
  });
  const statusFor = async (header: string) => (await ask(limited, { "X-Forwarded-For": header })).status;
  expect(await statusFor("192.0.2.1")).toBe(200);
  expect(await statusFor("198.51.100.9, 192.0.2.1, 10.0.0.7")).toBe(429);
  expect(await statusFor("192.0.2.1, 192.0.2.2")).toBe(200);
  const many = Array.from({ length: 1_000 }, () => "10.0.0.1").join(", ");
  expect(await statusFor(`192.0.2.3, ${many}`)).toBe(200);
  const forwarded = limited.upstream.requests.map(
    ({ headers }) => headers.find(([name]) => name.toLowerCase() === "x-forwarded-for")?.[1],
  );
  expect(forwarded.slice(0, 2)).toEqual(["192.0.2.1, 127.0.0.1", "192.0.2.2, 127.0.0.1"]);
  expect(forwarded[2]?.split(", ")).toHaveLength(33);
  await waitUntil(() => linesOf(limited).length === 4, { what: "four access lines" });
  expect(linesOf(limited).map((line) => line.client_ip)).toEqual([
    "192.0.2.1",
    "192.0.2.1",
    "192.0.2.2",
    "10.0.0.1",
  ]);
});

test("nobody is believed who is no trusted proxy, and a header makes nobody local", async () => {
  await using limited = await startLimited({
    per_ip_requests_per_minute: 60,
    burst_size: 1,
    trust_proxy_headers: true,
    trusted_proxy_cidrs: ["10.0.0.0/8"],
  });
  expect((await ask(limited, { "X-Forwarded-For": "192.0.2.1" })).status).toBe(200);
  expect((await ask(limited, { "X-Forwarded-For": "192.0.2.2" })).status).toBe(429);

  await using trusting = await startLimited({ trust_proxy_headers: true });
  const spoofed = { "X-Forwarded-For": "127.0.0.1", "X-Olla-Endpoint": "gpu" };
  expect((await ask(trusting, spoofed, "/olla/proxy/api/pull")).status).toBe(403);
});

test.each([
  ["a declared body that is too long", "Content-Length: 2000000\r\n", ""],
  [
    "a chunked body that is too long",
    "Transfer-Encoding: chunked\r\n",
    `${"10000\r\n".padEnd(7)}${"x".repeat(65_536)}\r\n`.repeat(20),
  ],
])("%s is answered with 413 in JSON, on every route that takes one", async (_what, framing, body) => {
  await using limited = await startLimited({}, { request_limits: { max_body_size: "1MiB" } });
  for (const path of [
    "/olla/proxy/v1/chat/completions",
    "/v1/messages",
    "/api/chat",
    "/olla/vllm/v1/completions",
  ]) {
    using client = await RawClient.connect(portOf(limited.olla.url));
    client.send(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${framing}\r\n${body}`,
    );
    const answer = await client.readResponse();
    expect([path, answer.startLine]).toEqual([path, "HTTP/1.1 413 Payload Too Large"]);
    expect(Buffer.from(answer.body).toString()).toContain("body_too_large");
  }
  expect(limited.upstream.requests).toHaveLength(0);
});

test("a head that is too long is answered with 431 in JSON everywhere", async () => {
  await using limited = await startLimited({}, { request_limits: { max_header_size: 4096 } });
  for (const path of [
    "/olla/proxy/v1/chat/completions",
    "/olla/models",
    "/internal/status",
    "/api/chat",
    "/v1/messages",
    "/nothing",
  ]) {
    const answer = await fetch(limited.olla.url + path, { headers: { "X-Long": "x".repeat(5_000) } });
    expect([path, answer.status]).toEqual([path, 431]);
    expect(await answer.text()).toContain("headers_too_large");
    expect(answer.headers.get("x-olla-request-id")).not.toBeNull();
  }
});

test("who is refused is told before its body is there", async () => {
  await using limited = await startLimited({ per_ip_requests_per_minute: 1, burst_size: 1 });
  await ask(limited);
  for (const framing of ["Content-Length: 40000000\r\n", "Transfer-Encoding: chunked\r\n"]) {
    using client = await RawClient.connect(portOf(limited.olla.url));
    client.send(`POST /olla/proxy/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n`);
    expect((await client.readHead()).startLine).toBe("HTTP/1.1 429 Too Many Requests");
  }
});

test("a body that is shorter than it said does not reach an endpoint", async () => {
  await using limited = await startLimited({});
  const client = await RawClient.connect(portOf(limited.olla.url));
  client.send(
    'POST /olla/proxy/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{"model":"tiny"}',
  );
  client[Symbol.dispose]();
  await waitUntil(() => linesOf(limited).length === 1, { what: "an access line" });
  expect(linesOf(limited)[0]).toMatchObject({ status: 499, error_code: "client_abort" });
  expect(limited.upstream.requests).toHaveLength(0);
});
