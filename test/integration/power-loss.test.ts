// A machine that lost power looks like one that is thinking: only its probes tell.
import { describe, expect, test } from "bun:test";
import { engineNames } from "../../src/proxy/engine.ts";
import { endpointAt, endpointOf, first, second } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { startOlla } from "../support/start-olla.ts";
import { completionOf, hangBeforeHead, TokenStream } from "../support/upstream-behaviours.ts";
import { waitUntil, waitUntilSettled, within } from "../support/wait-until.ts";

const chat = "POST /olla/proxy/v1/chat/completions HTTP/1.1";
const body = '{"model":"tiny","messages":[]}';
const streaming = '{"model":"tiny","messages":[],"stream":true}';

/** The machine's traffic goes to one server and its probes to another, so that the probes alone can find it gone. */
async function startLosable(engine: string) {
  const thinking = new FakeUpstream({ behave: hangBeforeHead });
  const witness = new FakeUpstream();
  const alive = new FakeUpstream();
  const olla = await startOlla({
    endpoints: [
      endpointAt(thinking.url, witness, "lost", { ...first, check_interval: "1s", check_timeout: "500ms" }),
      endpointOf(alive, "alive", second),
    ],
    proxy: { engine },
  });
  return {
    thinking,
    alive,
    olla,
    losePower: () => witness[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await olla.stop();
      for (const upstream of [thinking, alive]) await upstream[Symbol.asyncDispose]();
    },
  };
}

for (const engine of engineNames) {
  describe.concurrent(`power loss under the ${engine} engine`, () => {
    test("what waits for a first byte fails over after two probes that could not connect", async () => {
      await using fleet = await startLosable(engine);
      const answers = [body, streaming].map((text) =>
        fetch(`${fleet.olla.url}/olla/proxy/v1/chat/completions`, { method: "POST", body: text }),
      );
      const attempts = [await fleet.thinking.exchange(0), await fleet.thinking.exchange(1)];
      // A stream that has a head but nothing in it is not better off.
      await attempts[1]?.startChunked(200, { "Content-Type": "text/event-stream" });
      await fleet.losePower();
      for (const answer of await within(Promise.all(answers), 10_000, "both are answered elsewhere")) {
        expect(answer.status).toBe(200);
        expect(answer.headers.get("x-olla-endpoint")).toBe("alive");
        expect(answer.headers.get("x-olla-attempts")).toBe("2");
        await answer.text();
      }
      expect(fleet.alive.requests.map(({ text }) => text).sort()).toEqual([streaming, body].sort());
      for (const attempt of attempts) await within(attempt.gone, 1_000, "the lost attempt is let go");
    }, 20_000);

    test("a stream with bytes goes on whatever the probes say, while what waits beside it is sent elsewhere", async () => {
      await using fleet = await startLosable(engine);
      fleet.thinking.behave = () => {};
      using client = await RawClient.connect(fleet.olla.port);
      client.request(chat, [], streaming);
      const stream = await TokenStream.start(await fleet.thinking.exchange());
      await stream.push("before");
      await client.readUntil("before");
      const waiting = fetch(`${fleet.olla.url}/olla/proxy/v1/chat/completions`, { method: "POST", body });
      const attempt = await fleet.thinking.exchange(1);
      await fleet.losePower();
      // Whoever waited has been sent elsewhere: the machine counts as lost by now.
      expect((await within(waiting, 10_000, "the waiting request is answered")).status).toBe(200);
      await within(attempt.gone, 1_000, "the lost attempt is let go");
      await waitUntilSettled(() => client.receivedBytes, 300);
      await stream.push("after");
      await stream.end();
      await client.readUntil("[DONE]");
      expect(client.text).toContain("after");
      expect(client.text).not.toContain('"error"');
      expect(fleet.alive.requests.length).toBe(1);
    }, 20_000);

    test("a slow answer of a machine that is well is waited for, however often it is probed", async () => {
      await using upstream = new FakeUpstream({ behave: hangBeforeHead });
      await using olla = await startOlla({
        endpoints: [endpointOf(upstream, "one", { check_interval: "1s", check_timeout: "500ms" })],
        proxy: { engine, connection_timeout: "500ms" },
      });
      const answer = fetch(`${olla.url}/olla/proxy/v1/chat/completions`, { method: "POST", body });
      const exchange = await upstream.exchange();
      const probes = upstream.probes.length;
      await waitUntil(() => upstream.probes.length >= probes + 2, {
        deadlineMs: 10_000,
        what: "two more probes",
      });
      await exchange.respondJson(completionOf("at last"));
      expect((await answer).status).toBe(200);
      expect(upstream.requests.length).toBe(1);
    }, 20_000);
  });
}
