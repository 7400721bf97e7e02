import { afterEach, expect, test } from "bun:test";
import { HttpGetTimeout, httpGet } from "../../src/lib/http-get.ts";
import { classifyNetworkError, type NetworkFailure } from "../../src/lib/network-error.ts";

const loopback = "127.0.0.1";
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function serve(handler: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ hostname: loopback, port: 0, fetch: handler });
  stops.push(() => server.stop(true));
  return `http://${loopback}:${server.port}`;
}

type RawSocket = Bun.Socket<undefined>;

function serveRaw(onRequest: (socket: RawSocket) => void): string {
  const listener = Bun.listen({
    hostname: loopback,
    port: 0,
    socket: { data: onRequest, open() {}, close() {}, error() {} },
  });
  stops.push(() => listener.stop(true));
  return `http://${loopback}:${listener.port}`;
}

function closedPortUrl(): string {
  const listener = Bun.listen({ hostname: loopback, port: 0, socket: { data() {} } });
  const url = `http://${loopback}:${listener.port}`;
  listener.stop(true);
  return url;
}

const limits = { timeoutMs: 5_000, maxBytes: 64 * 1024 };

async function failureOf(url: string): Promise<NetworkFailure> {
  try {
    await httpGet(url, limits);
  } catch (error) {
    return classifyNetworkError(error);
  }
  throw new Error("the request was expected to fail");
}

test("a closed port is a refused connection", async () => {
  expect(await failureOf(closedPortUrl())).toBe("connect_refused");
});

test("a name that does not resolve is a DNS failure", async () => {
  expect(await failureOf("http://nope.invalid/")).toBe("dns");
});

test("a reset before the head is a reset", async () => {
  expect(await failureOf(serveRaw((socket) => socket.terminate()))).toBe("reset");
});

test("a clean close before the head cannot be told from a reset on Bun 1.4.5", async () => {
  expect(await failureOf(serveRaw((socket) => socket.end()))).toBe("reset");
});

test("a close inside the head is a reset", async () => {
  const url = serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-");
    socket.end();
  });
  expect(await failureOf(url)).toBe("reset");
});

test("a body shorter than announced is a reset", async () => {
  const url = serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    socket.end();
  });
  expect(await failureOf(url)).toBe("reset");
});

test("an answer that is not HTTP is malformed", async () => {
  const url = serveRaw((socket) => {
    socket.write("this is no HTTP\r\n\r\n");
    socket.end();
  });
  expect(await failureOf(url)).toBe("malformed_response");
});

test("TLS to a plain port is a TLS failure", async () => {
  const url = serveRaw((socket) => {
    socket.write("this is no TLS\r\n\r\n");
    socket.end();
  });
  expect(await failureOf(url.replace("http:", "https:"))).toBe("tls");
});

test("a signal of the caller ends the request as aborted", async () => {
  const controller = new AbortController();
  const url = serveRaw(() => controller.abort());
  const failure = await httpGet(url, { ...limits, signal: controller.signal }).catch(classifyNetworkError);
  expect(failure).toBe("aborted");
  const again = await httpGet(url, { ...limits, signal: controller.signal }).catch(classifyNetworkError);
  expect(again).toBe("aborted");
});

test("no head in time is a timeout with its limit", async () => {
  const url = serveRaw(() => {});
  const error: unknown = await httpGet(url, { ...limits, timeoutMs: 50 }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(HttpGetTimeout);
  expect(error).toMatchObject({ timeoutMs: 50, name: "TimeoutError" });
});

test("a body that stalls is a timeout too", async () => {
  const url = serveRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  const error: unknown = await httpGet(url, { ...limits, timeoutMs: 80 }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(HttpGetTimeout);
});

test("a body over the limit is cut, reported and its connection given up", async () => {
  const piece = new Uint8Array(16 * 1024);
  const { promise: cancelled, resolve: onCancel } = Promise.withResolvers<void>();
  const url = serve(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(piece),
          cancel: () => onCancel(),
        }),
      ),
  );
  const result = await httpGet(url, { ...limits, maxBytes: 40_000 });
  expect(result.isTruncated).toBe(true);
  expect(result.body.byteLength).toBe(40_000);
  await cancelled;
});

test("a body of exactly the limit is whole", async () => {
  const result = await httpGet(
    serve(() => new Response("12345")),
    { ...limits, maxBytes: 5 },
  );
  expect(result.isTruncated).toBe(false);
  expect(new TextDecoder().decode(result.body)).toBe("12345");
});

test("an empty answer has an empty body", async () => {
  const result = await httpGet(
    serve(() => new Response(null, { status: 204 })),
    limits,
  );
  expect(result.status).toBe(204);
  expect(result.body.byteLength).toBe(0);
});

test("a compressed body is handed over readable", async () => {
  const url = serve(
    () => new Response(Bun.gzipSync(Buffer.from("plain")), { headers: { "Content-Encoding": "gzip" } }),
  );
  const result = await httpGet(url, limits);
  expect(new TextDecoder().decode(result.body)).toBe("plain");
});

test("a redirect is an answer and takes no credential elsewhere", async () => {
  const visited: string[] = [];
  const other = serve((request) => {
    visited.push(request.url);
    return new Response("here");
  });
  const url = serve(() => Response.redirect(`${other}/stolen`, 302));
  const result = await httpGet(url, { ...limits, headers: new Headers({ Authorization: "Bearer canary" }) });
  expect(result.status).toBe(302);
  expect(visited).toEqual([]);
});

test("proxy variables of the environment are ignored", async () => {
  const url = serve(() => new Response("direct"));
  process.env.HTTP_PROXY = closedPortUrl();
  stops.push(() => delete process.env.HTTP_PROXY);
  // Shows that the variable does work here, so that the next line proves something.
  expect(await fetch(url).catch(classifyNetworkError)).toBe("connect_refused");
  expect((await httpGet(url, limits)).status).toBe(200);
});
