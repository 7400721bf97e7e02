import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startOlla } from "../support/start-olla.ts";
import { within } from "../support/wait-until.ts";

test("a short body that falls silent is given up after read_timeout, also with no limit for the first byte", async () => {
  await using upstream = new FakeUpstream({
    async behave(exchange) {
      await exchange.head(200, { "Content-Type": "application/json", "Content-Length": "100" });
      await exchange.write('{"choices":');
    },
  });
  await using olla = await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
    proxy: { response_header_timeout: "0s", read_timeout: "200ms" },
  });
  const asked = fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages: [] }),
  });
  const answer = await within(asked, 3_000, "an answer");
  expect(answer.status).toBe(504);
  expect(answer.headers.get("x-olla-error")).toBe("read_timeout");
});
