import { expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { EndpointQuestion } from "./endpoint-question.ts";

/** A question for a text, over a `fetch` that is answered by hand. */
function ask() {
  const clock = createFakeClock();
  const asked: { url: string; answer: PromiseWithResolvers<Response> }[] = [];
  const question = new EndpointQuestion({
    path: "/api/version",
    read: (body) => (typeof body === "string" ? body : undefined),
    timeoutMs: 2_000,
    maxAgeMs: 1_000,
    clock,
    version: "1.2.3",
    fetch(url, { signal }) {
      const answer = Promise.withResolvers<Response>();
      signal?.addEventListener("abort", () => answer.reject(new DOMException("aborted", "AbortError")));
      asked.push({ url, answer });
      return answer.promise;
    },
  });
  return {
    question,
    clock,
    asked,
    answer: (body: unknown, init?: ResponseInit) => asked.at(-1)?.answer.resolve(Response.json(body, init)),
  };
}

test("many who ask at once share one request, and who asks soon after gets the same answer", async () => {
  const { question, clock, asked, answer } = ask();
  const endpoint = sampleEndpoint();
  const both = [question.ask(endpoint), question.ask(endpoint)];
  answer("first");
  expect(await Promise.all(both)).toEqual(["first", "first"]);
  clock.advance(999);
  expect(await question.ask(endpoint)).toBe("first");
  clock.advance(1);
  const later = question.ask(endpoint);
  answer("second");
  expect(await later).toBe("second");
  expect(asked).toHaveLength(2);
});

test("a replaced endpoint is asked anew", async () => {
  const { question, asked, answer } = ask();
  const first = question.ask(sampleEndpoint());
  answer("old");
  await first;
  const second = question.ask(sampleEndpoint());
  answer("new");
  expect(await second).toBe("new");
  expect(asked).toHaveLength(2);
});

test("one that does not answer in time is left out", async () => {
  const { question, clock } = ask();
  const answer = question.ask(sampleEndpoint());
  clock.advance(2_000);
  expect(await answer).toBeUndefined();
});

test.each<[string, unknown, ResponseInit]>([
  ["an error", "text", { status: 500 }],
  ["something else", { version: 1 }, {}],
])("%s is no answer", async (_what, body, init) => {
  const { question, answer } = ask();
  const asked = question.ask(sampleEndpoint());
  answer(body, init);
  expect(await asked).toBeUndefined();
});

test("what is not JSON is no answer", async () => {
  const { question, asked } = ask();
  const answer = question.ask(sampleEndpoint());
  asked[0]?.answer.resolve(new Response("<html>"));
  expect(await answer).toBeUndefined();
});

test("an endpoint given with its /v1 is asked beside it", async () => {
  const { question, asked, answer } = ask();
  const endpoint = sampleEndpoint({ origin: "http://box:11434", basePath: "/v1" });
  const waiting = question.ask(endpoint);
  answer("x");
  await waiting;
  expect(asked[0]?.url).toBe("http://box:11434/api/version");
});
