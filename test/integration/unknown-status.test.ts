import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startOlla } from "../support/start-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

test("an answer whose status HTTP does not know is the endpoint's fault, and not ours", async () => {
  await using upstream = new FakeUpstream({ behave: answerJson({}, 999) });
  await using olla = await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
  });
  const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages: [] }),
  });
  expect(answer.status).toBe(502);
  expect(answer.headers.get("x-olla-error")).toBe("malformed_response");
});
