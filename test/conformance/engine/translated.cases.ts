import { expect } from "bun:test";
import { findDeadPort } from "../../support/dead-port.ts";
import { FakeUpstream, type FakeUpstreamOptions } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Behaviour, Exchange } from "../../support/socket-server.ts";
import type { RunningOlla } from "../../support/start-olla.ts";
import {
  answerJson,
  completionOf,
  hangAfterTokens,
  hangBeforeHead,
  sseDone,
  sseToken,
  streamTokens,
  TokenStream,
} from "../../support/upstream-behaviours.ts";
import { timeUntil, waitUntil, waitUntilSettled } from "../../support/wait-until.ts";
import {
  type EngineCase,
  endpointAt,
  endpointOf,
  endpointStatus,
  first,
  second,
  systemStatus,
} from "./engine-case.ts";
import { ask, type TranslatedDialect, translatedDialects } from "./translated-dialects.ts";

const sse = { "Content-Type": "text/event-stream" };
const stopChunk = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}`;

/** A backend that knows chat completions and nothing else. */
function chatUpstream(options: FakeUpstreamOptions = {}): FakeUpstream {
  return new FakeUpstream({ ...options, lacks: ["/v1/messages", "/v1/responses", "/api/chat"] });
}

/** Nothing of the request is left: no place, no queue, no open connection upstream. */
async function expectNothingHeld(olla: RunningOlla): Promise<void> {
  await waitUntil(async () => (await systemStatus(olla)).active_connections === 0, {
    what: "no connection is counted any more",
  });
}

/** Sends what it is given as an event stream, cut as given, and ends in good order. */
function streamOf(...chunks: readonly string[]): Behaviour {
  return async (exchange) => {
    await exchange.startChunked(200, sse);
    for (const chunk of chunks) await exchange.chunk(chunk);
    await exchange.endChunked();
  };
}

function send({ path, body }: TranslatedDialect, client: RawClient): void {
  client.request(`POST ${path} HTTP/1.1`, ["Content-Type: application/json"], body(true));
}

function casesOf(dialect: TranslatedDialect): readonly EngineCase[] {
  const named = (text: string): string => `translated for ${dialect.name}: ${text}`;
  return [
    {
      name: named("an endpoint that refuses the connection is passed over, streamed or not"),
      async run(harness) {
        await using alive = chatUpstream();
        const port = await findDeadPort();
        for (const isStream of [true, false]) {
          alive.behave = isStream ? streamTokens(["fine"]) : answerJson(completionOf("fine"));
          await using olla = await harness.start({
            endpoints: [
              endpointAt(`http://127.0.0.1:${port}`, alive, "dead", first),
              endpointOf(alive, "alive", second),
            ],
          });
          const answer = await ask(olla, dialect, { isStream });
          expect([answer.status, answer.headers.get("x-olla-endpoint")]).toEqual([200, "alive"]);
          expect(await answer.text()).toContain("fine");
          await expectNothingHeld(olla);
        }
      },
    },
    {
      name: named(
        "429 and 503 go on to the next endpoint; from all of them the last body and Retry-After win",
      ),
      async run(harness) {
        for (const status of [429, 503]) {
          await using busy = chatUpstream({
            behave: answerJson({ error: { message: "first words" } }, status, { "Retry-After": "7" }),
          });
          await using other = chatUpstream({ behave: streamTokens(["fine"]) });
          await using olla = await harness.start({
            endpoints: [endpointOf(busy, "busy", first), endpointOf(other, "other", second)],
          });
          const answer = await ask(olla, dialect);
          expect([answer.status, answer.headers.get("x-olla-attempts")]).toEqual([200, "2"]);
          expect(await answer.text()).toMatch(dialect.endMark);

          other.behave = answerJson({ error: { message: "last words" } }, status, { "Retry-After": "9" });
          const refused = await ask(olla, dialect);
          expect(refused.status).toBe(status);
          expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 10);
          expect(refused.headers.get("x-olla-error")).toBeNull();
          expect(dialect.errorOf(await refused.json())).toBe("last words");
          await expectNothingHeld(olla);
        }
      },
    },
    {
      name: named("an error event before the first content goes on to the next endpoint"),
      async run(harness) {
        await using failing = chatUpstream({
          behave: streamOf('data: {"error":{"message":"overloaded","code":503}}\n\n'),
        });
        await using other = chatUpstream({ behave: streamTokens(["fine"]) });
        await using olla = await harness.start({
          endpoints: [endpointOf(failing, "failing", first), endpointOf(other, "other", second)],
        });
        const answer = await ask(olla, dialect);
        expect(answer.headers.get("x-olla-endpoint")).toBe("other");
        const text = await answer.text();
        expect(text).toMatch(dialect.endMark);
        expect(text).not.toContain("overloaded");
        await expectNothingHeld(olla);
      },
    },
    {
      name: named(
        "an error event before the first content is a refusal with a status where nobody does better",
      ),
      async run(harness) {
        const said: readonly (readonly [string, number, string])[] = [
          ['data: {"error":{"message":"overloaded","code":503}}\n\n', 503, "overloaded"],
          ['data: {"error":{"message":"bad grammar","code":400}}\n\n', 400, "bad grammar"],
          ['data: {"error":"out of memory"}\n\n', 502, "out of memory"],
          ['event: error\ndata: {"message":"no more"}\n\n', 502, "no more"],
        ];
        await using failing = chatUpstream();
        await using olla = await harness.start({
          endpoints: [endpointOf(failing, "one")],
          proxy: { circuit_breaker: { enabled: false } },
        });
        for (const [event, status, words] of said) {
          failing.behave = streamOf(event);
          const answer = await ask(olla, dialect);
          expect([event, answer.status]).toEqual([event, status]);
          expect(dialect.errorOf(await answer.json())).toBe(words);
        }
        await expectNothingHeld(olla);
        // What is wrong with the request is nobody else's failure.
        expect((await systemStatus(olla)).total_failures).toBe(3);
      },
    },
    {
      name: named("a stream that is cut ends with an error and counts against the endpoint"),
      async run(harness) {
        const cuts: readonly ((exchange: Exchange) => unknown)[] = [
          (exchange) => exchange.endChunked(),
          (exchange) => exchange.close(),
          (exchange) => exchange.reset(),
        ];
        for (const cut of cuts) {
          await using upstream = chatUpstream({ behave: hangAfterTokens(["alpha"]) });
          await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
          using client = await RawClient.connect(olla.port);
          send(dialect, client);
          await client.readUntil("alpha");
          await cut(await upstream.exchange());
          await client.readUntil("0\r\n\r\n");
          expect(client.text).toMatch(dialect.errorMark);
          expect(client.text).not.toMatch(dialect.endMark);
          await expectNothingHeld(olla);
          expect((await systemStatus(olla)).total_failures).toBe(1);
        }
      },
    },
    {
      name: named("an error event in the middle ends the answer with the endpoint's words, once"),
      async run(harness) {
        await using upstream = chatUpstream({
          behave: streamOf(sseToken("alpha"), 'data: {"error":{"message":"out of memory"}}\n\n', sseDone),
        });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const text = await (await ask(olla, dialect)).text();
        expect(text).toMatch(dialect.errorMark);
        expect(text.match(/out of memory/g)?.length).toBe(1);
        expect(text).not.toMatch(dialect.endMark);
        await expectNothingHeld(olla);
        expect((await systemStatus(olla)).total_failures).toBe(1);
      },
    },
    {
      name: named("every way to end a stream is an end, with or without its last line ends"),
      async run(harness) {
        await using upstream = chatUpstream();
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const endings: readonly (readonly string[])[] = [
          [`${stopChunk}\n\n`, sseDone],
          [`${stopChunk}\n\n`, "data: [DONE]\n"],
          [`${stopChunk}\n\n`, "data: [DONE]"],
          [`${stopChunk}\n\n`],
          [`${stopChunk}\n`],
          [stopChunk],
          ["data: [DONE]"],
          [`${stopChunk}\r\n\r\n`, "data:[DONE]\r\n\r\n"],
        ];
        for (const ending of endings) {
          upstream.behave = streamOf(sseToken("alpha"), ...ending);
          const text = await (await ask(olla, dialect)).text();
          expect([ending, dialect.endMark.test(text), dialect.errorMark.test(text)]).toEqual([
            ending,
            true,
            false,
          ]);
        }
        expect((await systemStatus(olla)).total_failures).toBe(0);
      },
    },
    {
      name: named(
        "a stream of something else than chat completions is no end, and counts against the endpoint",
      ),
      async run(harness) {
        await using upstream = chatUpstream({ behave: streamOf('data: {"tokens":["a"]}\n\n') });
        await using olla = await harness.start({
          endpoints: [endpointOf(upstream, "one")],
          proxy: { circuit_breaker: { enabled: false } },
        });
        const foreign =
          'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"x"}}\n\n';
        const streams = [
          ['data: {"tokens":["a"]}\n\n'],
          ["data: hello\n\n"],
          [foreign],
          [sseToken("alpha"), foreign],
        ];
        for (const chunks of streams) {
          upstream.behave = streamOf(...chunks);
          const text = await (await ask(olla, dialect)).text();
          expect([chunks, dialect.endMark.test(text), dialect.errorMark.test(text)]).toEqual([
            chunks,
            false,
            true,
          ]);
        }
        await expectNothingHeld(olla);
        expect((await systemStatus(olla)).total_failures).toBe(streams.length);
      },
    },
    {
      name: named("a client that leaves closes the upstream within 100 ms, whatever it was waiting for"),
      async run(harness) {
        const half: Behaviour = async (exchange) => {
          await exchange.head(200, { "Content-Type": "application/json", "Content-Length": "500" });
          await exchange.write('{"choices":');
        };
        const silent: Behaviour = (exchange) => exchange.startChunked(200, sse);
        const prelude: Behaviour = async (exchange) => {
          await exchange.startChunked(200, sse);
          await exchange.chunk('data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n');
        };
        const windows: readonly Behaviour[] = [
          hangBeforeHead,
          silent,
          prelude,
          half,
          hangAfterTokens(["alpha"]),
        ];
        for (const [index, behave] of windows.entries()) {
          await using upstream = chatUpstream({ behave });
          await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
          using client = await RawClient.connect(olla.port);
          send(dialect, client);
          const exchange = await upstream.exchange();
          if (index === windows.length - 1) await client.readUntil("alpha");
          else await waitUntilSettled(() => upstream.requests.length, 30);
          expect([index, (await timeUntil(exchange.gone, () => client.close())) < 100]).toEqual([
            index,
            true,
          ]);
          await waitUntil(() => olla.accessLog().some(({ status }) => status === 499), {
            what: "an access line with 499",
          });
          await expectNothingHeld(olla);
          expect((await systemStatus(olla)).total_failures).toBe(0);
          expect((await endpointStatus(olla, "one")).status).toBe("healthy");
        }
      },
    },
    {
      name: named("a client that takes nothing stalls the endpoint"),
      async run(harness) {
        let sent = 0;
        const piece = sseToken("x".repeat(16_000));
        await using upstream = chatUpstream({
          async behave(exchange) {
            await exchange.startChunked(200, sse);
            for (; sent < 12_000; sent += 1) await exchange.chunk(piece);
          },
        });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        using client = await RawClient.connect(olla.port);
        client.pause();
        send(dialect, client);
        await waitUntil(() => sent > 0);
        // How much fits into the buffers of the system and of Bun on the way differs from run to run.
        expect(await waitUntilSettled(() => sent, 300)).toBeLessThan(6_000);
        client.close();
        await expectNothingHeld(olla);
      },
    },
    {
      name: named("silence in the middle of a stream ends it after read_timeout"),
      async run(harness) {
        await using upstream = chatUpstream({ behave: hangAfterTokens(["alpha"]) });
        await using olla = await harness.start({
          endpoints: [endpointOf(upstream, "one")],
          proxy: { read_timeout: "100ms" },
        });
        const text = await (await ask(olla, dialect)).text();
        expect(text).toContain("alpha");
        expect(text).toMatch(dialect.errorMark);
        expect(text).not.toMatch(dialect.endMark);
        await (await upstream.exchange()).gone;
        await expectNothingHeld(olla);
      },
    },
    {
      name: named("silence is filled with what the dialect has for it, never inside an event"),
      async run(harness) {
        const opened = Promise.withResolvers<TokenStream>();
        await using upstream = chatUpstream({
          behave: async (exchange) => opened.resolve(await TokenStream.start(exchange)),
        });
        await using olla = await harness.start({
          endpoints: [endpointOf(upstream, "one")],
          proxy: { keepalive_interval: "30ms" },
        });
        using client = await RawClient.connect(olla.port);
        send(dialect, client);
        const tokens = await opened.promise;
        await tokens.push("alpha");
        await client.readUntil("alpha");
        if (dialect.keepalive === undefined) {
          const length = client.receivedBytes;
          expect(await waitUntilSettled(() => client.receivedBytes, 120)).toBe(length);
        } else {
          await client.readUntil(dialect.keepalive);
          await client.readUntil(dialect.keepalive);
        }
        await tokens.push("beta");
        await tokens.end();
        await client.readUntil("0\r\n\r\n");
        expect(client.text).toMatch(dialect.endMark);
        expect(client.text).not.toMatch(dialect.errorMark);
      },
    },
    {
      name: named("a whole answer to a streaming request is replayed as a stream"),
      async run(harness) {
        await using upstream = chatUpstream({ behave: answerJson(completionOf("fine")) });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await ask(olla, dialect);
        expect(answer.headers.get("content-type")).toMatch(/event-stream|ndjson/);
        const text = await answer.text();
        expect(text).toContain("fine");
        expect(text).toMatch(dialect.endMark);
        await expectNothingHeld(olla);
      },
    },
    {
      name: named("a stream to a request that wanted none is collected into one answer"),
      async run(harness) {
        await using upstream = chatUpstream({ behave: streamTokens(["fi", "ne"]) });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await ask(olla, dialect, { isStream: false });
        expect(answer.status).toBe(200);
        expect(answer.headers.get("content-type")).toStartWith("application/json");
        expect(dialect.textOf(await answer.json())).toBe("fine");

        upstream.behave = streamOf(sseToken("fi"));
        const cut = await ask(olla, dialect, { isStream: false });
        expect([cut.status, cut.headers.get("x-olla-error")]).toEqual([502, "malformed_response"]);

        upstream.behave = streamOf(sseToken("fi"), 'data: {"error":{"message":"out of memory"}}\n\n');
        const failed = await ask(olla, dialect, { isStream: false });
        expect(failed.status).toBe(502);
        expect(dialect.errorOf(await failed.json())).toContain("out of memory");
        await expectNothingHeld(olla);
      },
    },
    {
      name: named("an answer that can't be read is a 502 that says why, and counts against the endpoint"),
      async run(harness) {
        const zipped = Bun.gzipSync(JSON.stringify(completionOf("fine")));
        const gzip = { "Content-Encoding": "gzip" };
        const json = { "Content-Type": "application/json" };
        const html = { "Content-Type": "text/html" };
        const answers: readonly (readonly [Behaviour, RegExp])[] = [
          [(exchange) => exchange.respond(200, { ...json, ...gzip }, zipped), /compressed/],
          [(exchange) => exchange.respond(200, { ...sse, ...gzip }, Bun.gzipSync(sseDone)), /compressed/],
          [(exchange) => exchange.respond(200, html, "<html>It works!</html>"), /no JSON/],
          [(exchange) => exchange.respond(200, json, ""), /no JSON/],
          [(exchange) => exchange.respond(204, {}, ""), /no JSON/],
          [(exchange) => exchange.respond(200, json, '{"choices":[]}'), /no choices/],
          [(exchange) => exchange.respond(200, json, '{"choices":[{}]}'), /no message/],
          [(exchange) => exchange.respond(200, json, '{"error":"out of memory"}'), /out of memory/],
        ];
        await using upstream = chatUpstream();
        await using olla = await harness.start({
          endpoints: [endpointOf(upstream, "one")],
          proxy: { circuit_breaker: { enabled: false } },
        });
        for (const [behave, words] of answers) {
          upstream.behave = behave;
          for (const isStream of [true, false]) {
            const answer = await ask(olla, dialect, { isStream });
            expect([answer.status, answer.headers.get("x-olla-error")]).toEqual([502, "malformed_response"]);
            expect(dialect.errorOf(await answer.json())).toMatch(words);
          }
        }
        await expectNothingHeld(olla);
        expect((await systemStatus(olla)).total_failures).toBe(answers.length * 2);
      },
    },
    {
      name: named("answers that can't be read open the breaker, refusals of the client's request do not"),
      notBy: { sherpa: "has no breaker" },
      async run(harness) {
        await using upstream = chatUpstream({ behave: answerJson({ choices: [] }) });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        for (let count = 0; count < 3; count += 1) await (await ask(olla, dialect)).text();
        const refused = await ask(olla, dialect);
        expect(refused.headers.get("x-olla-error")).toBe("circuit_open");

        await using strict = chatUpstream({ behave: answerJson({ error: { message: "no" } }, 400) });
        await using second = await harness.start({ endpoints: [endpointOf(strict, "one")] });
        for (let count = 0; count < 6; count += 1) {
          const answer = await ask(second, dialect);
          expect([answer.status, dialect.errorOf(await answer.json())]).toEqual([400, "no"]);
        }
      },
    },
    {
      name: named("a compressed refusal keeps its status"),
      async run(harness) {
        const zipped = Bun.gzipSync('{"error":{"message":"slow down"}}');
        await using upstream = chatUpstream({
          behave: (exchange) => exchange.respond(422, { "Content-Encoding": "gzip" }, zipped),
        });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await ask(olla, dialect);
        expect(answer.status).toBe(422);
        expect(answer.headers.get("content-encoding")).toBeNull();
        expect(dialect.errorOf(await answer.json())).toContain("422");
      },
    },
    {
      name: named("a refusal without end is read to a limit and its connection closed"),
      async run(harness) {
        await using upstream = chatUpstream({
          async behave(exchange) {
            await exchange.startChunked(400, { "Content-Type": "text/html" });
            const page = "<p>no</p>".repeat(10_000);
            for (let count = 0; count < 100; count += 1) await exchange.chunk(page);
          },
        });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await ask(olla, dialect);
        expect(answer.status).toBe(400);
        expect(dialect.errorOf(await answer.json())).toContain("400");
        await (await upstream.exchange()).gone;
        await expectNothingHeld(olla);
      },
    },
    {
      name: named("a large answer arrives whole"),
      async run(harness) {
        const text = "0123456789abcdef".repeat(3_000_000);
        await using upstream = chatUpstream({ behave: answerJson(completionOf(text)) });
        await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
        const answer = await ask(olla, dialect, { isStream: false });
        expect(dialect.textOf(await answer.json())).toBe(text);
        await expectNothingHeld(olla);
      },
    },
    {
      name: named("one place is given back once, after every kind of end"),
      async run(harness) {
        const behaviours: readonly Behaviour[] = [
          streamTokens(["fine"]),
          answerJson(completionOf("fine")),
          answerJson({ choices: [] }),
          answerJson({ error: { message: "no" } }, 400),
          answerJson({ error: { message: "busy" } }, 503),
          streamOf(sseToken("alpha")),
          streamOf('data: {"error":{"message":"overloaded"}}\n\n'),
          (exchange) => exchange.reset(),
          (exchange) => exchange.respond(200, { ...sse, "Content-Encoding": "gzip" }, Bun.gzipSync(sseDone)),
        ];
        await using upstream = chatUpstream();
        await using olla = await harness.start({
          endpoints: [endpointOf(upstream, "one", { max_concurrent: 1, check_interval: "60s" })],
          proxy: { circuit_breaker: { enabled: false }, queue: { timeout: "5s" } },
        });
        let open = 0;
        let most = 0;
        for (const behave of behaviours) {
          upstream.behave = async (exchange) => {
            open += 1;
            most = Math.max(most, open);
            await waitUntilSettled(() => open, 5);
            open -= 1;
            await behave(exchange);
          };
          const answers = Array.from({ length: 3 }, async () => (await ask(olla, dialect)).text());
          await Promise.all(answers);
          await expectNothingHeld(olla);
        }
        expect(most).toBe(1);
        upstream.behave = streamTokens(["fine"]);
        expect(await (await ask(olla, dialect)).text()).toMatch(dialect.endMark);
      },
    },
  ];
}

export const translatedCases: readonly EngineCase[] = translatedDialects.flatMap(casesOf);
