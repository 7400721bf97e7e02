import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import { chatBody, chatPath, type EngineCase, endpointOf } from "./engine-case.ts";

const limits = { server: { request_limits: { max_body_size: "4KB" } } };

function bodyOf(bytes: number): string {
  const frame = chatBody({ pad: "" });
  return chatBody({ pad: "x".repeat(bytes - frame.length) });
}

export const limitCases: readonly EngineCase[] = [
  {
    name: "a body over the limit gets a JSON 413 and the connection survives, declared or chunked",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")], ...limits });
      using client = await RawClient.connect(olla.port);
      const tooLarge = bodyOf(4097);
      client.request(`POST ${chatPath} HTTP/1.1`, [], tooLarge);
      const declared = await client.readResponse();
      expect(declared.startLine).toContain("413");
      expect(JSON.parse(declared.text)).toHaveProperty("error.code", "body_too_large");

      client.send(`POST ${chatPath} HTTP/1.1\r\nHost: olla.localhost\r\nTransfer-Encoding: chunked\r\n\r\n`);
      for (let at = 0; at < tooLarge.length; at += 1000) client.sendChunk(tooLarge.slice(at, at + 1000));
      client.send("0\r\n\r\n");
      const chunked = await client.readResponse();
      expect(chunked.startLine).toContain("413");
      expect(JSON.parse(chunked.text)).toHaveProperty("error.code", "body_too_large");

      client.request(`POST ${chatPath} HTTP/1.1`, [], chatBody());
      expect((await client.readResponse()).startLine).toContain("200");
      expect(upstream.requests.length).toBe(1);
      expect(client.isClosed).toBe(false);
    },
  },
  {
    name: "a body exactly at the limit is served",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")], ...limits });
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: bodyOf(4096) });
      expect(answer.status).toBe(200);
      expect((await upstream.exchange()).body.length).toBe(4096);
    },
  },
  {
    name: "bodies held for replay beyond proxy.max_buffered_bytes get 503 with Retry-After",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: () => {} });
      await using olla = await harness.start({
        endpoints: [endpointOf(upstream, "one")],
        proxy: { max_buffered_bytes: "64KB" },
      });
      using holder = await RawClient.connect(olla.port);
      holder.request(`POST ${chatPath} HTTP/1.1`, [], bodyOf(60_000));
      await upstream.exchange();
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: bodyOf(60_000) });
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await answer.json()) as unknown).toHaveProperty("error.code", "buffer_full");
      expect(upstream.requests.length).toBe(1);
    },
  },
];
