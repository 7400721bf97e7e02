import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

const body = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "hi" }] });

async function startTwo(one: FakeUpstream, two: FakeUpstream) {
  return await startOlla({
    endpoints: [
      { name: "one", url: one.url, type: one.kind, priority: 200, check_interval: "60s" },
      { name: "two", url: two.url, type: two.kind, priority: 100, check_interval: "60s" },
    ],
  });
}

test("the last refusal does not keep its own retry-after-ms beside the smallest Retry-After", async () => {
  await using one = new FakeUpstream({ behave: answerJson({}, 503, { "Retry-After": "3" }) });
  await using two = new FakeUpstream({
    behave: answerJson({}, 503, { "Retry-After": "300", "Retry-After-Ms": "300000" }),
  });
  await using olla = await startTwo(one, two);
  const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, { method: "POST", body });
  expect(answer.headers.get("x-olla-endpoint")).toBe("two");
  expect(answer.headers.get("retry-after")).toBe("3");
  expect(answer.headers.has("retry-after-ms")).toBe(false);
});

test("an error of ours that speaks for all attempts says when the first of them may be asked again", async () => {
  await using one = new FakeUpstream({ behave: answerJson({}, 503) });
  await using two = new FakeUpstream({ behave: answerJson({}, 503, { "Retry-After": "60" }) });
  await using olla = await startTwo(one, two);
  const ask = () => fetch(`${olla.url}/olla/proxy/v1/chat/completions`, { method: "POST", body });
  // Now the second one is left alone.
  expect((await ask()).headers.get("x-olla-endpoint")).toBe("two");
  // Too long to be kept while another attempt could follow.
  one.behave = (exchange) => exchange.respond(503, { "Retry-After": "30" }, "z".repeat(300_000));
  const answer = await ask();
  expect(answer.headers.get("x-olla-error")).toBe("upstream_status");
  expect(answer.headers.get("retry-after")).toBe("30");
});
