import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { TokenStream } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const streamCount = 1_000;

test("1,000 streams run at once while probes are answered and new requests are served", async () => {
  const streams: TokenStream[] = [];
  await using upstream = new FakeUpstream({
    kind: "vllm",
    async behave(exchange) {
      if (!exchange.text.includes('"stream":true')) return exchange.respondJson({ ok: true });
      const stream = await TokenStream.start(exchange);
      await stream.push("first");
      streams.push(stream);
    },
  });
  await using olla = await spawnOlla({
    endpoints: [
      { name: "one", url: upstream.url, type: "vllm", check_interval: "1s", check_timeout: "500ms" },
    ],
    server: { shutdown_timeout: "5s" },
    sections: { logging: { level: "warn", format: "json" } },
  });
  const clients: RawClient[] = [];
  for (let count = 0; count < streamCount; count += 1) {
    const client = await RawClient.connect(olla.port);
    client.request(
      "POST /olla/proxy/v1/chat/completions HTTP/1.1",
      [],
      JSON.stringify({ model: "tiny", stream: true }),
    );
    clients.push(client);
  }
  try {
    await waitUntil(() => streams.length === streamCount, {
      deadlineMs: 20_000,
      what: "all streams are open",
    });
    const probesBefore = upstream.probes.filter(({ target }) => target === "/health").length;
    await waitUntil(
      () => upstream.probes.filter(({ target }) => target === "/health").length >= probesBefore + 2,
      {
        what: "two more probes reach the endpoint",
      },
    );
    expect((await fetch(`${olla.url}/internal/health`)).status).toBe(200);
    const another = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
      method: "POST",
      body: '{"model":"tiny"}',
    });
    expect(another.status).toBe(200);
    for (const stream of streams) await stream.end();
    await waitUntil(() => clients.every((client) => client.text.includes("[DONE]")), {
      deadlineMs: 20_000,
      what: "all streams end",
    });
    await waitUntil(
      async () => {
        const answer = await fetch(`${olla.url}/internal/status`);
        const { system } = (await answer.json()) as { system: { active_connections: number } };
        return system.active_connections === 0;
      },
      { what: "no connection is counted any more" },
    );
  } finally {
    for (const client of clients) client.reset();
  }
}, 60_000);
