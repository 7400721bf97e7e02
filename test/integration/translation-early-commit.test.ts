// A head that is answered before the endpoint has answered, in front of a translation.
import { describe, expect, test } from "bun:test";
import { ask, translatedDialects } from "../conformance/engine/translated-dialects.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour, Exchange } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, completionOf, streamTokens } from "../support/upstream-behaviours.ts";
import { within } from "../support/wait-until.ts";

const overflow = answerJson(
  { error: { message: "request (1407 tokens) exceeds the available context size (256 tokens)", code: 400 } },
  400,
);

/** The rest of an answer whose head, and a sign of life, came before the endpoint said anything. */
async function askSlowEndpoint(
  dialectName: string,
  behave: Behaviour,
): Promise<{ status: number; text: string }> {
  const dialect = translatedDialects.find(({ name }) => name === dialectName);
  if (dialect === undefined) throw new Error(`no dialect ${dialectName}`);
  const asked = Promise.withResolvers<Exchange>();
  const done = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    lacks: ["/v1/messages", "/v1/responses", "/api/chat"],
    behave: async (exchange) => {
      asked.resolve(exchange);
      await done.promise;
    },
  });
  await using olla: RunningOlla = await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: "openai-compatible" }],
    proxy: { early_commit: true, keepalive_interval: "60ms" },
  });
  const answer = ask(olla, dialect);
  const exchange = await asked.promise;
  if (dialect.keepalive !== undefined) await within(answer, 2_000, "the head comes before the answer");
  await behave(exchange);
  done.resolve();
  return { status: (await answer).status, text: await (await answer).text() };
}

describe.each(["Anthropic", "Responses"])("%s", (name) => {
  const dialect = translatedDialects.find((each) => each.name === name);

  test.each([
    ["streamed", streamTokens(["fine"])],
    ["whole", answerJson(completionOf("fine"))],
  ])("a late answer comes %s behind the early head", async (_how, behave) => {
    const { status, text } = await askSlowEndpoint(name, behave);
    expect(status).toBe(200);
    expect(text).toContain(dialect?.keepalive ?? "no sign of life");
    expect(text).toContain("fine");
    expect(text).toMatch(dialect?.endMark ?? /never/);
  });

  test("a late refusal is the dialect's error event, once, in the endpoint's words", async () => {
    for (const behave of [overflow, answerJson({ error: { message: "out of memory" } }, 500)]) {
      const { status, text } = await askSlowEndpoint(name, behave);
      expect(status).toBe(200);
      expect(text).toMatch(dialect?.errorMark ?? /never/);
      expect(text).toMatch(/exceeds the available context size|out of memory/);
      expect(text).not.toMatch(dialect?.endMark ?? /never/);
    }
  });
});

test("a Responses client learns the code that its agent acts on", async () => {
  const { text } = await askSlowEndpoint("Responses", overflow);
  expect(text).toContain('"type":"response.failed"');
  expect(text).toContain('"code":"context_length_exceeded"');
});

test("Ollama's lines have no sign of life, so its clients get the real status", async () => {
  expect(await askSlowEndpoint("Ollama", overflow)).toMatchObject({ status: 400 });
});
