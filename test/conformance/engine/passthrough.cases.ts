import { expect } from "bun:test";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { RawClient } from "../../support/raw-client.ts";
import { answerGzip, answerJson, redirectTo } from "../../support/upstream-behaviours.ts";
import { chatBody, chatPath, type EngineCase, endpointOf } from "./engine-case.ts";

const mebibyte = 1024 * 1024;

export const passthroughCases: readonly EngineCase[] = [
  {
    name: "a request's bytes, query and own headers reach the upstream unchanged, with Content-Length",
    async run(harness) {
      await using upstream = new FakeUpstream({ models: ["Tiny"] });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const body = `{ "messages" : [ {"role":"user","content":"h\\u00e9 ☃"} ],\n\t"model":"Tiny", "seed": 1.0e3 }`;
      const answer = await fetch(`${olla.url}${chatPath}?a=1&b=%2F&c=x+y&a=2`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Own": "kept", "Accept-Language": "de" },
        body,
      });
      expect(answer.status).toBe(200);
      const exchange = await upstream.exchange();
      expect(exchange.target).toBe("/v1/chat/completions?a=1&b=%2F&c=x+y&a=2");
      expect(exchange.text).toBe(body);
      expect(exchange.header("content-length")).toBe(String(Buffer.byteLength(body)));
      expect(exchange.header("transfer-encoding")).toBeUndefined();
      expect(exchange.header("x-own")).toBe("kept");
      expect(exchange.header("accept-language")).toBe("de");
      expect(exchange.header("host")).toBe(`127.0.0.1:${upstream.port}`);
    },
  },
  {
    name: "an answer's status, own headers and bytes reach the client unchanged",
    async run(harness) {
      await using upstream = new FakeUpstream({
        behave: (exchange) =>
          exchange.respond(
            201,
            [
              ["Content-Type", "application/json; charset=utf-8"],
              ["X-Own", "kept"],
              ["X-Twice", "a"],
              ["X-Twice", "b"],
              ["X-Olla-Endpoint", "forged"],
              ["Set-Cookie", "session=secret"],
              ["Keep-Alive", "timeout=5"],
            ],
            '{"odd" :  1.00}',
          ),
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: chatBody() });
      expect(answer.status).toBe(201);
      expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(answer.headers.get("x-own")).toBe("kept");
      expect(answer.headers.get("x-twice")).toBe("a, b");
      expect(answer.headers.get("x-olla-endpoint")).toBe("one");
      expect(answer.headers.get("x-olla-model")).toBe("tiny");
      expect(answer.headers.get("x-olla-backend-type")).toBe("openai-compatible");
      expect(answer.headers.get("x-olla-request-id")).toBeTruthy();
      expect(answer.headers.get("x-olla-response-time")).toMatch(/^\d+ms$/);
      expect(answer.headers.get("via")).toContain("olla/");
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect(answer.headers.get("keep-alive")).toBeNull();
      expect(await answer.text()).toBe('{"odd" :  1.00}');
    },
  },
  {
    name: "credentials and connection headers of the client stay behind, the endpoint's own are added",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({
        endpoints: [
          endpointOf(upstream, "one", {
            auth: { type: "bearer", token: "endpoint-token" },
            headers: { "X-Team": "blue" },
          }),
        ],
      });
      using client = await RawClient.connect(olla.port);
      client.request(
        `POST ${chatPath} HTTP/1.1`,
        [
          "Authorization: Bearer client-secret",
          "X-Api-Key: client-secret",
          "X-Auth-Token: client-secret",
          "Cookie: session=client-secret",
          "Proxy-Authorization: Basic client-secret",
          "Proxy-Connection: keep-alive",
          "Connection: keep-alive, X-Named",
          "X-Named: hop",
          "TE: trailers",
          "X-Team: red",
          "Via: 1.1 before",
          "X-Forwarded-For: 203.0.113.9",
        ],
        chatBody(),
      );
      expect((await client.readResponse()).startLine).toContain("200");
      const exchange = await upstream.exchange();
      const lines = exchange.headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`).join("\n");
      expect(lines).not.toContain("client-secret");
      expect(exchange.header("authorization")).toBe("Bearer endpoint-token");
      expect(exchange.header("x-team")).toBe("blue");
      expect(exchange.header("x-named")).toBeUndefined();
      expect(exchange.header("te")).toBeUndefined();
      expect(exchange.header("proxy-connection")).toBeUndefined();
      expect(exchange.header("via")).toMatch(/^1\.1 before, 1\.1 olla\//);
      expect(exchange.header("x-forwarded-for")).toBe("127.0.0.1");
      expect(exchange.header("x-forwarded-proto")).toBe("http");
      expect(exchange.header("x-forwarded-host")).toBe("olla.localhost");
      expect(exchange.header("x-proxied-by")).toMatch(/^Olla\//);
      expect(exchange.header("x-model")?.toLowerCase()).toBe("tiny");
    },
  },
  {
    name: "every method is passed on, with and without a body",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: answerJson({ ok: true }) });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const body = method === "GET" ? undefined : '{"model":"tiny"}';
        const answer = await fetch(`${olla.url}/olla/proxy/v1/things/7`, { method, ...(body && { body }) });
        expect(await answer.json()).toEqual({ ok: true });
        const exchange = upstream.requests.at(-1);
        expect(exchange?.method).toBe(method);
        expect(exchange?.text).toBe(body ?? "");
      }
      const bare = await fetch(`${olla.url}/olla/proxy/v1/things/8`, { method: "DELETE" });
      expect(bare.status).toBe(200);
      expect(upstream.requests.at(-1)?.body.length).toBe(0);
    },
  },
  {
    name: "HEAD, 204 and 304 come back without a body and leave the connection usable",
    async run(harness) {
      await using upstream = new FakeUpstream({
        async behave(exchange) {
          if (exchange.method === "HEAD") await exchange.head(200, { "Content-Length": "1234", ETag: '"h"' });
          else await exchange.head(exchange.target.endsWith("204") ? 204 : 304, { ETag: '"e"' });
          exchange.finish();
        },
      });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.request("HEAD /olla/proxy/v1/x HTTP/1.1");
      const head = await client.readResponse(false);
      expect(head.startLine).toContain("200");
      expect(head.header("content-length")).toBe("1234");
      for (const status of ["204", "304"]) {
        client.request(`GET /olla/proxy/v1/${status} HTTP/1.1`);
        const answer = await client.readResponse(false);
        expect(answer.startLine).toContain(status);
        expect(answer.header("etag")).toBe('"e"');
      }
      expect(client.receivedBytes).toBe(0);
    },
  },
  {
    name: "a compressed answer is passed on as it is",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: answerGzip({ packed: true }) });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}${chatPath}`, {
        method: "POST",
        headers: { "Accept-Encoding": "gzip, br" },
        body: chatBody(),
        decompress: false,
      });
      expect(answer.headers.get("content-encoding")).toBe("gzip");
      const unpacked = Bun.gunzipSync(new Uint8Array(await answer.arrayBuffer()));
      expect(JSON.parse(Buffer.from(unpacked).toString())).toEqual({ packed: true });
      expect((await upstream.exchange()).header("accept-encoding")).toBe("gzip, br");
    },
  },
  {
    name: "a client that does not ask for compression does not get any",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      client.request(`POST ${chatPath} HTTP/1.1`, [], chatBody());
      expect((await client.readResponse()).startLine).toContain("200");
      const asked = (await upstream.exchange()).header("accept-encoding");
      expect(["identity", undefined]).toContain(asked);
    },
  },
  {
    name: "a redirect is the client's to follow",
    async run(harness) {
      await using upstream = new FakeUpstream({ behave: redirectTo("http://127.0.0.1:9/elsewhere") });
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      const answer = await fetch(`${olla.url}${chatPath}`, {
        method: "POST",
        body: chatBody(),
        redirect: "manual",
      });
      expect(answer.status).toBe(307);
      expect(answer.headers.get("location")).toBe("http://127.0.0.1:9/elsewhere");
      expect(upstream.requests.length).toBe(1);
    },
  },
  {
    name: "errors of the upstream pass through once, byte for byte, and don't take it out of routing",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      for (const status of [400, 401, 404, 409, 422, 429, 500, 503]) {
        upstream.behave = answerJson({ error: `own ${status}` }, status, { "X-Own": "kept" });
        const before = upstream.requests.length;
        const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: chatBody() });
        expect(answer.status).toBe(status);
        expect(answer.headers.get("x-own")).toBe("kept");
        expect(answer.headers.get("x-olla-endpoint")).toBe("one");
        expect(await answer.json()).toEqual({ error: `own ${status}` });
        expect(upstream.requests.length - before).toBe(1);
      }
      upstream.behave = answerJson({ ok: true });
      const after = await fetch(`${olla.url}${chatPath}`, { method: "POST", body: chatBody() });
      expect(after.status).toBe(200);
    },
  },
  {
    name: "a 20 MiB body whose last member is the model is routed by it and arrives unchanged",
    async run(harness) {
      await using other = new FakeUpstream({ models: ["other"] });
      await using upstream = new FakeUpstream({ models: ["deep"] });
      await using olla = await harness.start({
        endpoints: [endpointOf(other, "other", { priority: 300 }), endpointOf(upstream, "deep")],
      });
      const image = "QUJD".repeat((20 * mebibyte) / 4);
      const body = `{"messages":[{"role":"user","content":"${image}"}],"model":"deep"}`;
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", body });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-olla-endpoint")).toBe("deep");
      const exchange = await upstream.exchange();
      expect(Bun.hash(exchange.body)).toBe(Bun.hash(body));
      expect(other.requests.length).toBe(0);
    },
  },
  {
    name: "a chunked request body is sent on with its length",
    async run(harness) {
      await using upstream = new FakeUpstream();
      await using olla = await harness.start({ endpoints: [endpointOf(upstream, "one")] });
      using client = await RawClient.connect(olla.port);
      const body = chatBody();
      client.send(`POST ${chatPath} HTTP/1.1\r\nHost: olla.localhost\r\nTransfer-Encoding: chunked\r\n\r\n`);
      client.sendChunk(body.slice(0, 10));
      client.sendChunk(body.slice(10));
      client.send("0\r\n\r\n");
      expect((await client.readResponse()).startLine).toContain("200");
      const exchange = await upstream.exchange();
      expect(exchange.text).toBe(body);
      expect(exchange.header("content-length")).toBe(String(body.length));
    },
  },
];
