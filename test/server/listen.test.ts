import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { ListenError, type Listener, type ListenOptions, listen } from "../../src/server/listen.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { createTestServer, type TestServer } from "./test-server.ts";

const open: Listener[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.stop(0)));
});

function listenTo(options: Partial<ListenOptions> & Pick<ListenOptions, "fetch">): Listener {
  const listener = listen({
    host: "127.0.0.1",
    port: 0,
    idleTimeoutSeconds: 120,
    clock: systemClock,
    onUnexpectedError: () => {},
    ...options,
  });
  open.push(listener);
  return listener;
}

function serve(server: TestServer): Listener {
  return listenTo({ fetch: server.router.fetch });
}

describe("clients as they are", () => {
  test("HTTP/1.0 without Host reaches direct and proxied routes, dot segments resolved", async () => {
    const server = createTestServer();
    const { port } = serve(server);
    for (const [path, status] of [
      ["/internal/health", 200],
      ["/olla/../internal/./health", 200],
      ["/olla/proxy/%2e%2e/ollama/api/chat?x=1", 200],
      ["//internal/health", 308],
      ["/nowhere", 404],
    ] as const) {
      using client = await RawClient.connect(port);
      client.send(`GET ${path} HTTP/1.0\r\n\r\n`);
      const response = await client.readResponse();
      expect([path, response.startLine.split(" ")[1]]).toEqual([path, String(status)]);
    }
    expect(server.exchanges.map(({ path, query, upstreamPath }) => [path, query, upstreamPath])).toEqual([
      ["/olla/ollama/api/chat", "?x=1", "/api/chat"],
    ]);
  });

  test("a Host that is no host name does no harm", async () => {
    const { port } = serve(createTestServer());
    using client = await RawClient.connect(port);
    client.send("GET /internal/health HTTP/1.1\r\nHost: a b\r\n\r\n");
    expect((await client.readResponse()).startLine).toContain("200");
  });

  test("raw path bytes arrive: %2F, double slashes, a letter beyond ASCII, a fragment cut off", async () => {
    const server = createTestServer();
    const { port } = serve(server);
    using client = await RawClient.connect(port);
    for (const path of ["/olla/proxy/a%2Fb//c/", "/olla/proxy/%C3%A9%25#x"]) {
      client.request(`GET ${path} HTTP/1.1`);
      await client.readResponse();
    }
    expect(server.exchanges.map(({ upstreamPath }) => upstreamPath)).toEqual(["/a%2Fb//c/", "/%C3%A9%25"]);
  });

  test("a flood of headers gets a JSON 431, and the connection goes on", async () => {
    const { port } = serve(createTestServer({ settings: { maxHeaderBytes: 4_096 } }));
    using client = await RawClient.connect(port);
    const flood = Array.from({ length: 60 }, (_, index) => `X-Flood-${index}: ${"x".repeat(90)}`);
    client.request("GET /olla/proxy/v1/chat HTTP/1.1", flood);
    const refused = await client.readResponse();
    expect(refused.startLine).toContain("431");
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code: "headers_too_large", source: "olla" } });
    client.request("GET /internal/health HTTP/1.1");
    expect((await client.readResponse()).startLine).toContain("200");
  });

  test("a body announced as huge gets our own JSON 413, not the runtime's bare one", async () => {
    const { port } = serve(createTestServer());
    using client = await RawClient.connect(port);
    client.send("POST /internal/health HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000000\r\n\r\n{");
    const response = await client.readResponse();
    expect(response.startLine).toContain("413");
    expect(JSON.parse(response.text)).toMatchObject({ error: { code: "body_too_large" } });
  });

  test("a body over the limit of a direct route is refused, and the connection survives", async () => {
    const { port } = serve(createTestServer());
    using client = await RawClient.connect(port);
    client.request("POST /internal/health HTTP/1.1", [], "x".repeat(100_000));
    expect((await client.readResponse()).startLine).toContain("413");
    client.request("GET /internal/health HTTP/1.1");
    expect((await client.readResponse()).startLine).toContain("200");
  });

  test("HEAD and 304 carry no body, and the connection stays in step", async () => {
    const { port } = serve(createTestServer());
    using client = await RawClient.connect(port);
    client.request("HEAD /internal/status HTTP/1.1");
    const head = await client.readResponse(false);
    expect(Number(head.header("content-length"))).toBeGreaterThan(0);
    client.request("GET /internal/status HTTP/1.1", [`If-None-Match: ${head.header("etag")}`]);
    const unchanged = await client.readResponse(false);
    expect(unchanged.startLine).toContain("304");
    client.request("GET /internal/health HTTP/1.1");
    expect((await client.readResponse()).text).toBe('{"status":"healthy"}');
  });

  test("the peer of a dual-stack listener is written as IPv4", async () => {
    const server = createTestServer();
    const { port } = listenTo({
      host: "::",
      fetch: (request, connection) => server.router.fetch(request, connection),
    });
    await fetch(`http://127.0.0.1:${port}/olla/proxy/x`);
    expect(server.exchanges[0]?.clientAddress).toBe("127.0.0.1");
  });

  test("fifty clients at once get their own ids back", async () => {
    const { url } = serve(createTestServer());
    const ids = Array.from({ length: 50 }, (_, index) => `client-${index}`);
    const echoed = await Promise.all(
      ids.map(async (id) => {
        const response = await fetch(`${url}/internal/health`, { headers: { "X-Request-ID": id } });
        return response.headers.get("x-olla-request-id");
      }),
    );
    expect(echoed).toEqual(ids);
  });
});

describe("opening the port", () => {
  test("a port in use is one clear line with the system's code", () => {
    const { port } = serve(createTestServer());
    try {
      listenTo({ port, fetch: () => new Response() });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ListenError);
      expect((error as ListenError).code).toBe("EADDRINUSE");
      expect((error as ListenError).message).toBe(
        `cannot listen on 127.0.0.1:${port}: the port is in use by another program (set server.port to a free one)`,
      );
      expect((error as ListenError).cause).toBeDefined();
    }
  });

  test("an address that is not ours is one clear line, too", () => {
    expect(() => listenTo({ host: "192.0.2.1", fetch: () => new Response() })).toThrow(
      /^cannot listen on 192\.0\.2\.1:0: [^\n]+$/,
    );
  });

  test.each([
    ["::1", /^http:\/\/\[::1\]:\d+$/],
    ["[::1]", /^http:\/\/\[::1\]:\d+$/],
    ["127.0.0.1", /^http:\/\/127\.0\.0\.1:\d+$/],
    ["0.0.0.0", /^http:\/\/localhost:\d+$/],
  ])("host %s gives a URL that works", async (host, url) => {
    const server = createTestServer();
    const listener = listenTo({ host, fetch: server.router.fetch });
    expect(listener.url).toMatch(url);
    expect((await fetch(`${listener.url}/internal/health`)).status).toBe(200);
  });

  test("what escapes every handler is a JSON 500 without a stack, and is reported", async () => {
    const seen: unknown[] = [];
    const { url } = listenTo({
      fetch: () => {
        throw new Error("secret detail");
      },
      onUnexpectedError: (error) => seen.push(error),
    });
    const response = await fetch(url);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret detail");
    expect(seen).toHaveLength(1);
  });
});

describe("stopping", () => {
  test("a running answer ends whole, new connections are refused, and the stop says that all was drained", async () => {
    const gate = Promise.withResolvers<void>();
    let isAsked = false;
    const server = createTestServer({
      handle: async () => {
        isAsked = true;
        await gate.promise;
        return new Response("whole");
      },
    });
    const listener = serve(server);
    const answer = fetch(`${listener.url}/olla/proxy/x`);
    await waitUntil(() => isAsked);
    server.router.beginDrain();
    const stopped = listener.stop(10_000);
    await expect(fetch(`${listener.url}/internal/health`)).rejects.toThrow();
    gate.resolve();
    expect(await (await answer).text()).toBe("whole");
    expect(await stopped).toBe("drained");
  });

  test("a request on a connection that is still open while draining gets 503 and a close", async () => {
    const gate = Promise.withResolvers<void>();
    const server = createTestServer({
      handle: async () => {
        await gate.promise;
        return new Response("whole");
      },
    });
    const listener = serve(server);
    using client = await RawClient.connect(listener.port);
    client.request("GET /internal/health HTTP/1.1");
    await client.readResponse();
    server.router.beginDrain();
    client.request("GET /olla/proxy/x HTTP/1.1");
    const refused = await client.readResponse();
    expect(refused.startLine).toContain("503");
    expect(refused.header("connection")).toBe("close");
    gate.resolve();
  });

  test("what does not end within the grace is cut, and its request is told", async () => {
    let signal: AbortSignal | undefined;
    const server = createTestServer({
      handle: ({ request }) => {
        signal = request.signal;
        return new Promise(() => {});
      },
    });
    const listener = serve(server);
    const answer = fetch(`${listener.url}/olla/proxy/x`).catch((error: unknown) => error);
    await waitUntil(() => signal !== undefined);
    expect(await listener.stop(20)).toBe("aborted");
    expect(await answer).toBeInstanceOf(Error);
    await waitUntil(() => signal?.aborted === true, { what: "the request's signal is aborted" });
  });
});
