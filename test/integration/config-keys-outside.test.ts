// Keys of discovery, catalog, profiles, log and listener, each by what can be seen from outside. What must not happen
// "in that time" is looked at when a second Olla, set the other way, has just shown that the time was long enough.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { FakeUpstream, type FakeUpstreamOptions } from "../support/fake-upstream.ts";
import { accessRecords, parseLogLines } from "../support/log-lines.ts";
import type { EndpointSettings, OllaSettings } from "../support/olla-config.ts";
import { RawClient } from "../support/raw-client.ts";
import { runToEnd } from "../support/run-to-end.ts";
import type { Behaviour } from "../support/socket-server.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";
import { startOlla } from "../support/start-olla.ts";
import { answerJson, TokenStream } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const chatPath = "/v1/chat/completions";

/** Health and list have paths of their own at this kind, so asks for the list can be told from probes. */
function startUpstream(options: FakeUpstreamOptions = {}): FakeUpstream {
  return new FakeUpstream({ kind: "vllm", ...options });
}

function entryOf(name: string, { url, kind }: FakeUpstream): EndpointSettings {
  return { name, url, type: kind, check_interval: "1s" };
}

function listOf(...names: readonly string[]): Behaviour {
  return answerJson({
    object: "list",
    data: names.map((id) => ({ id, object: "model", created: 1, owned_by: "fake" })),
  });
}

async function modelNames(url: string): Promise<string[]> {
  const answer = (await (await fetch(`${url}/olla/models?format=openai`)).json()) as {
    data: { id: string }[];
  };
  return answer.data.map(({ id }) => id).sort();
}

interface EndpointRow {
  readonly name: string;
  readonly status: string;
  readonly last_model_sync_at?: string;
}

async function endpointRows(url: string): Promise<EndpointRow[]> {
  const answer = await fetch(`${url}/internal/status/endpoints`);
  return ((await answer.json()) as { endpoints: EndpointRow[] }).endpoints;
}

async function areHealthy(url: string): Promise<boolean> {
  return (await endpointRows(url)).every(({ status }) => status === "healthy");
}

async function answers(host: string, port: number): Promise<boolean> {
  return fetch(`http://${host}:${port}/internal/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

describe.concurrent("discovery.model_discovery", () => {
  test("interval is the time after which a new model is seen", async () => {
    await using upstream = startUpstream({ models: ["old"] });
    const endpoints = [entryOf("one", upstream)];
    await using often = await startOlla({ endpoints, modelDiscovery: { interval: "50ms" } });
    await using seldom = await startOlla({ endpoints, modelDiscovery: { interval: "60s" } });
    // One after the other, so that several intervals pass.
    for (const name of ["new-1", "new-2", "new-3", "new-4"]) {
      upstream.list = listOf("old", name);
      await waitUntil(async () => (await modelNames(often.url)).includes(name), { what: `${name} is seen` });
    }
    expect((await modelNames(seldom.url)).join()).not.toContain("new");
  });

  /** Two endpoints whose lists are held back until the test opens the gate. */
  async function startHeld(workers: number) {
    await using started = new AsyncDisposableStack();
    const gate = Promise.withResolvers<void>();
    const asked = { running: 0, most: 0, total: 0 };
    const list: Behaviour = async (exchange) => {
      asked.running += 1;
      asked.total += 1;
      asked.most = Math.max(asked.most, asked.running);
      await gate.promise;
      asked.running -= 1;
      await listOf("tiny")(exchange);
    };
    const first = started.use(startUpstream({ list }));
    const second = started.use(startUpstream({ list }));
    const olla = started.use(
      await startOlla({
        endpoints: [entryOf("first", first), entryOf("second", second)],
        modelDiscovery: { concurrent_workers: workers },
        readiness: "listening",
      }),
    );
    const owned = started.move();
    return { gate, asked, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  test("concurrent_workers is how many lists are asked for at once", async () => {
    await using together = await startHeld(2);
    // Looked at soon: after two seconds an endpoint that does not answer no longer holds up the others.
    await waitUntil(() => together.asked.running === 2, {
      deadlineMs: 1_500,
      what: "both are asked at once",
    });
    together.gate.resolve();
    await using alone = await startHeld(1);
    await waitUntil(() => areHealthy(alone.olla.url), { what: "both could be asked" });
    for (let look = 0; look < 20; look += 1) await endpointRows(alone.olla.url);
    expect(alone.asked).toEqual({ running: 1, most: 1, total: 1 });
    alone.gate.resolve();
    await waitUntil(() => alone.asked.total === 2 && alone.asked.running === 0, { what: "both were asked" });
    expect(alone.asked.most).toBe(1);
  });

  /** An endpoint whose first list fails, and the times at which it was asked. */
  async function startFailingOnce(modelDiscovery: Readonly<Record<string, unknown>>) {
    await using started = new AsyncDisposableStack();
    const askedAt: number[] = [];
    const list: Behaviour = (exchange) => {
      askedAt.push(performance.now());
      const isFirst = askedAt.length === 1;
      return (isFirst ? answerJson({ error: "loading" }, 503) : listOf("tiny"))(exchange);
    };
    const upstream = started.use(startUpstream({ list }));
    const endpoints = [entryOf("one", upstream)];
    started.use(await startOlla({ endpoints, modelDiscovery, readiness: "all-probed" }));
    const owned = started.move();
    const pause = async () => {
      await waitUntil(() => askedAt.length === 2, { what: "the list is asked for again" });
      const [first = 0, second = 0] = askedAt;
      return second - first;
    };
    return { askedAt, pause, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  test("retry_backoff is the pause before a failed list is asked for again; retry_attempts: 0 leaves that out", async () => {
    await using never = await startFailingOnce({ retry_attempts: 0, retry_backoff: "10ms" });
    await using later = await startFailingOnce({ retry_attempts: 2, retry_backoff: "1s" });
    await using soon = await startFailingOnce({ retry_attempts: 2, retry_backoff: "10ms" });
    await soon.pause();
    expect(later.askedAt).toHaveLength(1);
    expect(await later.pause()).toBeGreaterThan(990);
    expect(never.askedAt).toHaveLength(1);
  });
});

test.concurrent("model_registry.unification: models of an endpoint that went away go after stale_threshold, at the next cleanup_interval", async () => {
  await using stays = startUpstream({ models: ["kept"] });
  const leaves = startUpstream({ models: ["lost"] });
  const start = (unification: Readonly<Record<string, unknown>>) =>
    startOlla({
      endpoints: [entryOf("stays", stays), entryOf("leaves", leaves)],
      modelDiscovery: { interval: "50ms", retry_attempts: 0 },
      sections: { model_registry: { unification } },
    });
  await using quick = await start({ stale_threshold: "1s", cleanup_interval: "50ms" });
  await using patient = await start({ stale_threshold: "24h", cleanup_interval: "50ms" });
  await using untidy = await start({ stale_threshold: "1s", cleanup_interval: "10m" });
  await waitUntil(async () => (await modelNames(quick.url)).length === 2, { what: "both are listed" });
  await leaves[Symbol.asyncDispose]();
  const catalog = async (url: string) => (await fetch(`${url}/internal/status/models`)).text();
  await waitUntil(async () => !(await catalog(quick.url)).includes("lost"), { what: "the model is gone" });
  await waitUntil(async () => (await catalog(quick.url)).includes("kept"), { what: "the other stays" });
  await waitUntil(
    async () => {
      const row = (await endpointRows(untidy.url)).find(({ name }) => name === "leaves");
      return Date.now() - Date.parse(row?.last_model_sync_at ?? "") > 1_100;
    },
    { what: "the list is stale for everybody" },
  );
  expect(await catalog(patient.url)).toContain("lost");
  expect(await catalog(untidy.url)).toContain("lost");
});

describe("proxy.profile_filter", () => {
  async function routeErrors(filter: Readonly<Record<string, unknown>>) {
    await using upstream = startUpstream({ kind: "openai-compatible" });
    // A process of its own: `startOlla` would load the profiles by itself.
    await using olla = await spawnOlla({
      endpoints: [entryOf("one", upstream)],
      proxy: { profile_filter: filter },
    });
    const ask = async (prefix: string) => {
      const answer = await fetch(`${olla.url}/olla/${prefix}${chatPath}`, {
        method: "POST",
        body: '{"model":"tiny"}',
      });
      await answer.text();
      const code = answer.headers.get("x-olla-error");
      return code === "route_not_found" ? `${answer.status} ${code}` : "routed";
    };
    return { openai: await ask("openai"), vllm: await ask("vllm"), ollama: await ask("ollama") };
  }
  const missing = "404 route_not_found";

  test("exclude takes a kind's route away, include all others' routes", async () => {
    expect(await routeErrors({ exclude: ["vllm*"] })).toEqual({
      openai: "routed",
      vllm: missing,
      ollama: "routed",
    });
    expect(await routeErrors({ include: ["openai*"] })).toEqual({
      openai: "routed",
      vllm: missing,
      ollama: missing,
    });
  });

  test("an endpoint of an excluded kind is told that the filter leaves it out", async () => {
    const endpoint = { name: "gpu", url: "http://127.0.0.1:8000", type: "vllm" };
    const config = {
      proxy: { profile_filter: { exclude: ["vllm"] } },
      discovery: { static: { endpoints: [endpoint] } },
    };
    const files = { "olla.yaml": JSON.stringify(config) };
    const run = await runToEnd(["validate", "--config", "olla.yaml"], { command: sourceCommand, files });
    expect(run.code).toBe(1);
    expect(run.stdout + run.stderr).toContain("proxy.profile_filter leaves");
  });
});

describe("logging", () => {
  /** What a run with one request writes to its output and, if there is one, to its log file. */
  async function logOf(logging: Readonly<Record<string, unknown>>) {
    const folder = await mkdtemp(join(tmpdir(), "olla-log-"));
    try {
      await using upstream = startUpstream();
      const settings: OllaSettings = {
        endpoints: [entryOf("one", upstream)],
        // A key without effect is warned about, so that there is a warning to look for.
        server: { read_header_timeout: "9s" },
        modelDiscovery: { interval: "50ms" },
        sections: { logging },
      };
      await using olla = await spawnOlla(settings, sourceCommand, { OLLA_LOG_DIR: folder });
      const listsBefore = upstream.probes.length;
      await (
        await fetch(`${olla.url}/olla/proxy${chatPath}`, { method: "POST", body: '{"model":"tiny"}' })
      ).text();
      await waitUntil(() => upstream.probes.length > listsBefore + 2, { what: "lists are read again" });
      olla.signal("SIGTERM");
      expect(await within(olla.exited, 5_000, "olla exits")).toBe(0);
      const path = join(folder, "olla.log");
      return { output: olla.output(), file: existsSync(path) ? readFileSync(path, "utf8") : undefined };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  function levelsIn(written: string): unknown[] {
    return [...new Set(parseLogLines(written).map(({ level }) => level))].sort();
  }

  test("output: file writes JSON lines to a file as well; level: debug has everything", async () => {
    const { output, file = "" } = await logOf({ level: "debug", format: "text", output: "file" });
    expect(levelsIn(file)).toEqual(["debug", "info", "warn"]);
    expect(accessRecords(file).map(({ path }) => path)).toContain(`/olla/proxy${chatPath}`);
    expect(output).toMatch(/^[\d:.]+ DEBUG /m);
    expect(output).toMatch(/^[\d:.]+ INFO +200 POST \/olla\/proxy/m);
    expect(accessRecords(output)).toEqual([]);
  });

  test("output: stdout makes no file, format: json makes every line a record, level: info has no debug", async () => {
    const { output, file } = await logOf({ level: "info", format: "json", output: "stdout" });
    expect(file).toBeUndefined();
    expect(levelsIn(output)).toEqual(["info", "warn"]);
    expect(accessRecords(output).map(({ path }) => path)).toContain(`/olla/proxy${chatPath}`);
  });

  test("level: warn has warnings only", async () => {
    const { output } = await logOf({ level: "warn", format: "json" });
    expect(levelsIn(output)).toEqual(["warn"]);
  });
});

describe.concurrent("server.host", () => {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const hasIpv6 = addresses.some(({ address }) => address === "::1");
  // Other systems than Linux give their loopback interface one address only.
  const second = process.platform === "linux" ? "127.0.0.2" : "127.0.0.1";
  const listenOn = (host: string) => startOlla({ endpoints: [], server: { host }, readiness: "listening" });

  test("127.0.0.1 answers there and nowhere else", async () => {
    await using olla = await listenOn("127.0.0.1");
    expect(await answers("127.0.0.1", olla.port)).toBeTrue();
    expect(await answers("[::1]", olla.port)).toBeFalse();
    if (second !== "127.0.0.1") expect(await answers(second, olla.port)).toBeFalse();
  });

  test("0.0.0.0 answers on every IPv4 address", async () => {
    await using olla = await listenOn("0.0.0.0");
    expect(await answers("127.0.0.1", olla.port)).toBeTrue();
    expect(await answers(second, olla.port)).toBeTrue();
    expect(await answers("[::1]", olla.port)).toBeFalse();
  });

  test.skipIf(!hasIpv6)("::1 answers over IPv6 only (skipped where the machine has no IPv6)", async () => {
    await using olla = await listenOn("::1");
    expect(olla.url).toBe(`http://[::1]:${olla.port}`);
    expect(await answers("[::1]", olla.port)).toBeTrue();
    expect(await answers("127.0.0.1", olla.port)).toBeFalse();
  });
});

test.concurrent("server.shutdown_timeout is how long a running stream may go on after the stop", async () => {
  const startStream = async (shutdownTimeout: string) => {
    await using started = new AsyncDisposableStack();
    const tokens = Promise.withResolvers<TokenStream>();
    const behave: Behaviour = async (exchange) => tokens.resolve(await TokenStream.start(exchange));
    const upstream = started.use(startUpstream({ behave }));
    const server = { shutdown_timeout: shutdownTimeout };
    const olla = started.use(await startOlla({ endpoints: [entryOf("one", upstream)], server }));
    const client = started.use(await RawClient.connect(olla.port));
    client.request(`POST /olla/proxy${chatPath} HTTP/1.1`, [], '{"model":"tiny","stream":true}');
    const stream = await tokens.promise;
    await stream.push("before");
    await client.readUntil("before");
    const owned = started.move();
    return { olla, client, stream, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  };
  await using short = await startStream("300ms");
  await using long = await startStream("20s");
  const longStopped = long.olla.stop();
  const startedAt = performance.now();
  await within(short.olla.stop(), 5_000, "the short one stops");
  expect(performance.now() - startedAt).toBeGreaterThan(280);
  await within(short.client.closed, 2_000, "its stream is cut");
  expect(short.client.text).not.toContain("[DONE]");
  await long.stream.push("after");
  await long.stream.end();
  await long.client.readUntil("[DONE]");
  expect(long.client.text).toContain("after");
  await within(longStopped, 3_000, "the long one stops");
});
