import { expect, test } from "bun:test";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";

test("outbound proxy variables of the environment move neither probes, nor discovery, nor traffic", async () => {
  const proxy = `http://127.0.0.1:${findDeadPort()}`;
  await using upstream = new FakeUpstream({ kind: "vllm" });
  await using olla = await spawnOlla(
    { endpoints: [{ name: "one", url: upstream.url, type: "vllm" }] },
    sourceCommand,
    { HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy, all_proxy: proxy },
  );
  const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
    method: "POST",
    body: '{"model":"tiny"}',
  });
  expect(answer.status).toBe(200);
  expect(upstream.requests.length).toBe(1);
});
