import { describe, expect, test } from "bun:test";
import { engineNames } from "../../src/proxy/engine.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { completionOf, sseDone, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const clients = 30;
const tokens = 12;

interface Tally {
  served: number;
  /** Connecting was refused: nothing was lost, the client knows at once. */
  refused: number;
  readonly lost: string[];
}

/** Answers after a while, or streams for a while, so that many requests are under way at any time. */
function startSlowUpstream(): FakeUpstream {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
  return new FakeUpstream({
    async behave(exchange) {
      if (!exchange.text.includes('"stream":true')) {
        await pause();
        return exchange.respondJson(completionOf("whole"));
      }
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      for (let index = 0; index < tokens; index += 1) {
        await pause();
        await exchange.chunk(sseToken(`token-${index}`));
      }
      await exchange.chunk(sseDone);
      await exchange.endChunked();
    },
  });
}

/**
 * One request on a connection of its own; undefined when the connection was refused, or closed before Olla had read
 * anything: the runtime closes connections without a request when it stops, and their clients may simply ask again.
 */
async function askOnce(port: number, isStream: boolean): Promise<string | undefined> {
  const client = await RawClient.connect(port).catch(() => undefined);
  if (client === undefined) return undefined;
  using _client = client;
  const body = JSON.stringify({ model: "tiny", messages: [], stream: isStream });
  client.request("POST /olla/proxy/v1/chat/completions HTTP/1.1", ["Connection: close"], body);
  await within(client.closed, 15_000, "the answer is complete");
  return client.text === "" ? undefined : client.text;
}

function isWhole(text: string, isStream: boolean): boolean {
  if (!text.startsWith("HTTP/1.1 200")) return false;
  return isStream
    ? text.includes(`token-${tokens - 1}`) && text.includes("[DONE]") && text.endsWith("0\r\n\r\n")
    : text.includes('"content":"whole"') && text.endsWith("}");
}

async function keepAsking(port: number, id: number, tally: Tally): Promise<void> {
  for (let count = id; ; count += 1) {
    const isStream = count % 2 === 0;
    const text = await askOnce(port, isStream);
    if (text === undefined) {
      tally.refused += 1;
      return;
    }
    if (isWhole(text, isStream)) tally.served += 1;
    else tally.lost.push(`${isStream ? "stream" : "answer"}: ${text.slice(-300)}`);
  }
}

describe.concurrent("SIGTERM under load", () => {
  for (const engine of engineNames) {
    test(`loses no request (${engine})`, async () => {
      await using upstream = startSlowUpstream();
      await using olla = await spawnOlla({
        endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
        server: { shutdown_timeout: "10s" },
        proxy: { engine },
        sections: { logging: { level: "warn", format: "json" } },
      });
      const tally: Tally = { served: 0, refused: 0, lost: [] };
      const asking = Array.from({ length: clients }, (_, id) => keepAsking(olla.port, id, tally));
      await waitUntil(() => tally.served >= 3 * clients, { what: "the load is on" });
      const servedBefore = tally.served;
      olla.signal("SIGTERM");
      expect(await within(olla.exited, 10_000, "olla exits")).toBe(0);
      await within(Promise.all(asking), 15_000, "every client has its answer");
      expect(tally.lost).toEqual([]);
      expect(tally.refused).toBe(clients);
      // Whatever was read was served: no request got as far as the endpoint and came to nothing.
      expect(upstream.requests.length).toBe(tally.served);
      expect(tally.served - servedBefore).toBeGreaterThan(0);
      await waitUntil(() => upstream.openConnections === 0, { what: "every upstream connection is closed" });
    }, 40_000);

    test(`lets those who wait in line have their turn (${engine})`, async () => {
      await using upstream = startSlowUpstream();
      await using olla = await spawnOlla({
        endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible", max_concurrent: 1 }],
        server: { shutdown_timeout: "10s" },
        proxy: { engine },
      });
      const answers = Array.from({ length: 8 }, () => askOnce(olla.port, false));
      await waitUntil(() => upstream.requests.length === 1, { what: "the first is under way" });
      await waitUntil(
        async () => {
          const status = await (await fetch(`${olla.url}/internal/status`)).text();
          return /"waiting":7\b/.test(status) || upstream.requests.length > 1;
        },
        { what: "the others wait" },
      );
      olla.signal("SIGTERM");
      for (const text of await Promise.all(answers)) expect(isWhole(text ?? "", false)).toBeTrue();
      expect(await within(olla.exited, 10_000, "olla exits")).toBe(0);
    }, 40_000);
  }
});
