// Prompt processing takes minutes on small machines: default settings have to bear it.
import { describe, expect, test } from "bun:test";
import { engineNames } from "../../src/proxy/engine.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startOlla } from "../support/start-olla.ts";
import { completionOf, hangBeforeHead, TokenStream } from "../support/upstream-behaviours.ts";

const minuteMs = 60_000;

/** Lets sockets do what they have to between two moves of the clock. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(1_000);
    await breathe();
  }
}

async function start(engine: string, clock: FakeClock, upstream: FakeUpstream) {
  const ticker = setInterval(() => clock.advance(5), 1);
  try {
    return await startOlla(
      {
        endpoints: [
          // Long enough for a probe to be answered while minutes pass in milliseconds.
          { name: "one", url: upstream.url, type: "vllm", check_interval: "60s", check_timeout: "30s" },
        ],
        proxy: { engine },
      },
      clock,
    );
  } finally {
    clearInterval(ticker);
  }
}

function ask(url: string, isStream: boolean): Promise<Response> {
  const body = JSON.stringify({ model: "tiny", messages: [], stream: isStream });
  return fetch(`${url}/olla/proxy/v1/chat/completions`, { method: "POST", body });
}

for (const engine of engineNames) {
  describe(`a slow prompt under the ${engine} engine, with default settings`, () => {
    test("twenty minutes to the first byte are borne, before the head and after it", async () => {
      const clock = createFakeClock();
      await using upstream = new FakeUpstream({ kind: "vllm", behave: hangBeforeHead });
      await using olla = await start(engine, clock, upstream);
      const answers = [ask(olla.url, false), ask(olla.url, true)];
      const exchanges = [await upstream.exchange(0), await upstream.exchange(1)];
      const streamed = exchanges.find(({ text }) => text.includes('"stream":true'));
      const whole = exchanges.find(({ text }) => text.includes('"stream":false'));
      if (streamed === undefined || whole === undefined) throw new Error("both are under way");
      const stream = await TokenStream.start(streamed);
      await pass(clock, 20 * minuteMs);
      await whole.respondJson(completionOf("at last"));
      await stream.push("at last");
      await stream.end();
      for (const answer of await Promise.all(answers)) {
        expect(answer.status).toBe(200);
        expect(await answer.text()).toContain("at last");
      }
      expect(upstream.requests.length).toBe(2);
    }, 30_000);

    test("half an hour is the limit", async () => {
      const clock = createFakeClock();
      await using upstream = new FakeUpstream({ kind: "vllm", behave: hangBeforeHead });
      await using olla = await start(engine, clock, upstream);
      const answer = ask(olla.url, false);
      const exchange = await upstream.exchange();
      await pass(clock, 31 * minuteMs);
      expect((await answer).status).toBe(504);
      await exchange.gone;
    }, 30_000);
  });
}
