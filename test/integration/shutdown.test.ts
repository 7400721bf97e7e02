import { describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { startOlla } from "../support/start-olla.ts";
import { hangAfterTokens, TokenStream } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const chat = "POST /olla/proxy/v1/chat/completions HTTP/1.1";
const body = '{"model":"tiny","stream":true}';

/** An upstream whose one stream is in the test's hand. */
function heldUpstream(): { upstream: FakeUpstream; stream: Promise<TokenStream> } {
  const started = Promise.withResolvers<TokenStream>();
  const upstream = new FakeUpstream({
    async behave(exchange) {
      started.resolve(await TokenStream.start(exchange));
    },
  });
  return { upstream, stream: started.promise };
}

async function isRefused(port: number): Promise<boolean> {
  return RawClient.connect(port).then(
    (client) => {
      client.reset();
      return false;
    },
    () => true,
  );
}

describe("stopping in the process", () => {
  test("refuses new connections, ends idle ones and lets a running stream finish", async () => {
    const { upstream, stream } = heldUpstream();
    await using _upstream = upstream;
    await using olla = await startOlla({
      endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
      server: { shutdown_timeout: "10s" },
    });
    using idle = await RawClient.connect(olla.port);
    idle.request("GET /internal/health HTTP/1.1");
    await idle.readResponse();
    using client = await RawClient.connect(olla.port);
    client.request(chat, [], body);
    const tokens = await stream;
    await tokens.push("before");
    await client.readUntil("before");
    const stopped = olla.stop();
    await waitUntil(() => isRefused(olla.port), { what: "new connections are refused" });
    await within(idle.closed, 2_000, "the idle connection is closed");
    await tokens.push("after");
    await tokens.end();
    await client.readUntil("[DONE]");
    expect(client.text).toContain("after");
    await within(stopped, 2_000, "the stop is complete");
  });
});

describe("SIGTERM", () => {
  test.concurrent("lets a running stream finish and exits 0", async () => {
    const { upstream, stream } = heldUpstream();
    await using _upstream = upstream;
    await using olla = await spawnOlla({
      endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
      server: { shutdown_timeout: "10s" },
    });
    using client = await RawClient.connect(olla.port);
    client.request(chat, [], body);
    const tokens = await stream;
    await tokens.push("before");
    await client.readUntil("before");
    olla.signal("SIGTERM");
    await waitUntil(() => isRefused(olla.port), { what: "new connections are refused" });
    await tokens.push("after");
    await tokens.end();
    await client.readUntil("[DONE]");
    expect(await within(olla.exited, 3_000, "olla exits")).toBe(0);
  });

  test.concurrent("cuts a stream that outlasts shutdown_timeout, never ending it in good order, and exits 0", async () => {
    await using upstream = new FakeUpstream({ behave: hangAfterTokens(["before"]) });
    await using olla = await spawnOlla({
      endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
      server: { shutdown_timeout: "300ms" },
    });
    using client = await RawClient.connect(olla.port);
    client.request(chat, [], body);
    await client.readUntil("before");
    const signalledAt = performance.now();
    olla.signal("SIGTERM");
    expect(await within(olla.exited, 3_000, "olla exits")).toBe(0);
    expect(performance.now() - signalledAt).toBeGreaterThan(250);
    await client.closed;
    expect(client.text).not.toContain("[DONE]");
    if (!client.text.includes('"error"')) expect(client.text).not.toContain("\r\n0\r\n\r\n");
  });

  test.concurrent("a second signal ends at once, with exit code 1", async () => {
    await using upstream = new FakeUpstream({ behave: hangAfterTokens(["before"]) });
    await using olla = await spawnOlla({
      endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
      server: { shutdown_timeout: "60s" },
    });
    using client = await RawClient.connect(olla.port);
    client.request(chat, [], body);
    await client.readUntil("before");
    olla.signal("SIGINT");
    await waitUntil(() => isRefused(olla.port), { what: "new connections are refused" });
    olla.signal("SIGINT");
    expect(await within(olla.exited, 2_000, "olla exits")).toBe(1);
  });
});
