// What Bun 1.4.5 does, as far as our design leans on it. A failure here after an upgrade of Bun is not a bug of ours:
// it is a fact that changed, and the decision that rests on it (design.md §9) has to be looked at again.
import { afterEach, describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Exchange, SocketServer } from "../support/socket-server.ts";
import { hangBeforeHead, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil, waitUntilSettled, within } from "../support/wait-until.ts";

type Handler = (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;

const opened: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function serve(fetch: Handler, idleTimeout = 120): Bun.Server<undefined> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    idleTimeout,
    fetch,
    error: () => new Response("failed", { status: 500 }),
  });
  opened.push(() => server.stop(true));
  return server;
}

function upstream(behave: (exchange: Exchange) => void | Promise<void>): FakeUpstream {
  const fake = new FakeUpstream({ behave });
  opened.push(() => fake[Symbol.asyncDispose]());
  return fake;
}

async function connectTo(server: Bun.Server<undefined>): Promise<RawClient> {
  const client = await RawClient.connect(server.port ?? 0);
  opened.push(() => client.reset());
  return client;
}

/** A pull-based copy of a body: the form the relay uses. */
function pullFrom(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

describe("a client that leaves", () => {
  test("aborts the request's signal and closes a pulled upstream body within 100 ms", async () => {
    const source = upstream(async (exchange) => {
      await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
      await exchange.chunk(sseToken("one"));
    });
    const aborted = Promise.withResolvers<number>();
    const server = serve(async (request) => {
      request.signal.addEventListener("abort", () => aborted.resolve(performance.now()));
      const answer = await fetch(source.url, { method: "POST", body: "{}", signal: request.signal });
      return new Response(answer.body === null ? null : pullFrom(answer.body), { headers: answer.headers });
    });
    const client = await connectTo(server);
    client.request("POST / HTTP/1.1", [], "{}");
    await client.readUntil("one");
    const exchange = await source.exchange();
    const leftAt = performance.now();
    client.close();
    expect((await within(aborted.promise, 1_000, "the signal fires")) - leftAt).toBeLessThan(100);
    expect((await within(exchange.gone, 1_000, "the upstream connection closes")) - leftAt).toBeLessThan(100);
  });

  test("before the response head, is passed on to the upstream only if fetch got the signal", async () => {
    const source = upstream(hangBeforeHead);
    const server = serve((request) => {
      const wantsSignal = new URL(request.url).pathname === "/with";
      return fetch(
        `${source.url}${new URL(request.url).pathname}`,
        wantsSignal ? { signal: request.signal } : {},
      );
    });
    const without = await connectTo(server);
    without.request("GET /without HTTP/1.1");
    await source.exchange(0);
    const signalled = await connectTo(server);
    signalled.request("GET /with HTTP/1.1");
    await source.exchange(1);
    without.close();
    const leftAt = performance.now();
    signalled.close();
    const [deaf, told] = source.requests;
    expect(
      (await within(told?.gone ?? Promise.reject(), 1_000, "the signalled one closes")) - leftAt,
    ).toBeLessThan(100);
    let isDeafClosed = false;
    void deaf?.gone.then(() => {
      isDeafClosed = true;
    });
    await waitUntil(() => performance.now() - leftAt > 200);
    expect(isDeafClosed).toBe(false);
  });
});

describe("a response", () => {
  test("keeps its head back until the first body byte, whatever the body's form", async () => {
    const release = Promise.withResolvers<void>();
    const server = serve(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await release.promise;
              controller.enqueue(new TextEncoder().encode("first"));
              controller.close();
            },
          }),
        ),
    );
    const client = await connectTo(server);
    client.request("GET / HTTP/1.1");
    const askedAt = performance.now();
    await waitUntil(() => performance.now() - askedAt > 150);
    // The status line alone may come earlier; no client can act on it.
    expect(client.text).not.toContain("\r\n\r\n");
    release.resolve();
    await client.readUntil("first");
  });

  test("made of a pull-based stream stops reading when the client stalls", async () => {
    const total = 128 * 1024 * 1024;
    const piece = new Uint8Array(256 * 1024);
    let sent = 0;
    const source = upstream(async (exchange) => {
      await exchange.head(200, {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(total),
      });
      for (; sent < total; sent += piece.length) await exchange.write(piece);
      exchange.finish();
    });
    const server = serve(async (request) => {
      const answer = await fetch(`${source.url}/big`, { signal: request.signal });
      return new Response(answer.body === null ? null : pullFrom(answer.body));
    });
    const client = await connectTo(server);
    client.request("GET / HTTP/1.1");
    await client.readHead();
    client.pause();
    await waitUntilSettled(() => sent, 200);
    expect(sent).toBeLessThan(48 * 1024 * 1024);
  });
});

describe("an HTTP/1.0 request without Host", () => {
  test("gives a relative request URL, which `new URL` refuses", async () => {
    let seen = "";
    const server = serve((request) => {
      seen = request.url;
      return new Response("ok");
    });
    const client = await connectTo(server);
    client.send("GET /internal/health?a=1 HTTP/1.0\r\n\r\n");
    await client.readUntil("ok");
    expect(seen).toBe("/internal/health?a=1");
  });
});

describe("server.timeout(request, 0)", () => {
  test("sticks to the kept-alive connection until a later value puts it back", async () => {
    const server = serve((request, owner) => {
      owner.timeout(request, 0);
      const restores = request.url.endsWith("/restored");
      return new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new TextEncoder().encode("ok"));
            if (restores) owner.timeout(request, 1);
            controller.close();
          },
        }),
      );
    }, 1);
    const sticking = await connectTo(server);
    sticking.request("GET /sticking HTTP/1.1");
    const restored = await connectTo(server);
    restored.request("GET /restored HTTP/1.1");
    await Promise.all([sticking.readUntil("ok"), restored.readUntil("ok")]);
    await within(restored.closed, 12_000, "the restored connection times out");
    expect(sticking.isClosed).toBe(false);
  });
});

describe("a body over maxRequestBodySize", () => {
  test("is answered with a bare 413 without our handler being asked", async () => {
    let isAsked = false;
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      development: false,
      maxRequestBodySize: 1024,
      fetch() {
        isAsked = true;
        return new Response("ok");
      },
    });
    opened.push(() => server.stop(true));
    const client = await connectTo(server);
    client.request("POST / HTTP/1.1", [], "x".repeat(2048));
    const head = await client.readHead();
    expect(head.startLine).toContain("413");
    expect(isAsked).toBe(false);
  });
});

describe("an error in a pull-based body", () => {
  test("cuts the connection without the last chunk", async () => {
    let pulls = 0;
    const server = serve(
      () =>
        new Response(
          new ReadableStream(
            {
              async pull(controller) {
                // Thrown in the same turn it would also be printed to stderr.
                await new Promise((resolve) => setTimeout(resolve, 1));
                pulls += 1;
                if (pulls > 1) controller.error(new Error("upstream broke"));
                else controller.enqueue(new TextEncoder().encode("first"));
              },
            },
            { highWaterMark: 0 },
          ),
        ),
    );
    const client = await connectTo(server);
    client.request("GET / HTTP/1.1");
    await within(client.closed, 2_000, "the connection is cut");
    expect(client.text).not.toContain("\r\n0\r\n\r\n");
    expect(client.text).not.toContain("upstream broke");
  });
});

describe("an answer that comes before the request's body is read", () => {
  test("leaves the kept-alive connection in step", async () => {
    const server = serve(() => new Response("early", { status: 413 }));
    const client = await connectTo(server);
    client.request("POST /one HTTP/1.1", [], "x".repeat(2_000_000));
    expect((await client.readResponse()).startLine).toContain("413");
    client.request("POST /two HTTP/1.1", [], "y");
    expect((await client.readResponse()).startLine).toContain("413");
    expect(client.receivedBytes).toBe(0);
  });
});

describe("server.stop()", () => {
  test("closes idle connections at once, lets running answers end, and stop(true) afterwards cuts them", async () => {
    const release = Promise.withResolvers<void>();
    const server = serve((request) => {
      if (request.url.endsWith("/quick")) return new Response("ok");
      const isHeld = request.url.endsWith("/held");
      return new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(new TextEncoder().encode("first"));
            await (isHeld ? new Promise(() => {}) : release.promise);
            controller.close();
          },
        }),
      );
    });
    const [idle, running, held] = [await connectTo(server), await connectTo(server), await connectTo(server)];
    idle.request("GET /quick HTTP/1.1");
    await idle.readResponse();
    running.request("GET /running HTTP/1.1");
    held.request("GET /held HTTP/1.1");
    await Promise.all([running.readUntil("first"), held.readUntil("first")]);
    let isStopped = false;
    const stopped = server.stop().then(() => {
      isStopped = true;
    });
    await within(idle.closed, 1_000, "the idle connection is closed");
    release.resolve();
    await running.readUntil("\r\n0\r\n\r\n");
    expect(isStopped).toBe(false);
    expect(held.isClosed).toBe(false);
    await server.stop(true);
    await within(held.closed, 1_000, "the held connection is cut");
    await within(stopped, 1_000, "the first stop resolves as well");
    expect(held.text).not.toContain("\r\n0\r\n\r\n");
  });
});

describe("the idle pool", () => {
  test("a POST on a kept-alive socket that the server resets rejects with ECONNRESET, unretried", async () => {
    let served = 0;
    const server = new SocketServer(async (exchange) => {
      served += 1;
      if (served > 1) exchange.reset();
      else await exchange.respondJson({ ok: true });
    });
    opened.push(() => server[Symbol.asyncDispose]());
    const send = async (): Promise<unknown> =>
      (await fetch(server.url, { method: "POST", body: "{}" })).json();
    expect(await send()).toEqual({ ok: true });
    const error = await send().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty("code", "ECONNRESET");
    expect(served).toBe(2);
    expect(server.openedConnections).toBe(1);
  });
});

describe("fetch", () => {
  test("decompresses but keeps Content-Encoding, unless told decompress: false", async () => {
    const packed = Bun.gzipSync("plain text");
    const source = upstream((exchange) => exchange.respond(200, { "Content-Encoding": "gzip" }, packed));
    const unpacked = await fetch(`${source.url}/a`);
    expect(unpacked.headers.get("content-encoding")).toBe("gzip");
    expect(await unpacked.text()).toBe("plain text");
    const asIs = await fetch(`${source.url}/b`, { decompress: false });
    expect(asIs.headers.get("content-encoding")).toBe("gzip");
    expect(new Uint8Array(await asIs.arrayBuffer())).toEqual(packed);
  });
});
