import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { ListenError, type Listener, type ListenOptions, listen } from "../../src/server/listen.ts";
import { serverNameAt, TlsClient } from "../support/tls-client.ts";
import { listenerTls, pairOf, pem } from "../support/tls-files.ts";
import { waitUntil, within } from "../support/wait-until.ts";
import { createTestServer } from "./test-server.ts";

const open: Listener[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.stop(0)));
});

function listenTo(options: Partial<ListenOptions> = {}): Listener {
  const listener = listen({
    host: "127.0.0.1",
    port: 0,
    fetch: () => new Response("here"),
    idleTimeoutSeconds: 120,
    tls: listenerTls("one"),
    clock: systemClock,
    onUnexpectedError: () => {},
    ...options,
  });
  open.push(listener);
  return listener;
}

const encoder = new TextEncoder();

/** Answers of which a test writes every piece. */
class Streams {
  readonly #sources: ReadableStreamDefaultController<Uint8Array>[] = [];

  readonly fetch = (): Response =>
    new Response(
      new ReadableStream<Uint8Array>({
        start: (source) => {
          this.#sources.push(source);
          source.enqueue(encoder.encode("begun;"));
        },
      }),
    );

  get count(): number {
    return this.#sources.length;
  }

  write(index: number, text: string): void {
    this.#sources[index]?.enqueue(encoder.encode(text));
  }

  end(index: number): void {
    this.#sources[index]?.close();
  }
}

describe("a listener with a certificate", () => {
  test("speaks https, and says so in its address", async () => {
    const { url, port } = listenTo();
    expect(url).toBe(`https://127.0.0.1:${port}`);
    expect(await (await fetch(url, { tls: { ca: pem("authority.pem") } })).text()).toBe("here");
    await expect(fetch(url.replace("https:", "http:"))).rejects.toThrow();
  });

  test("tells the pipeline that requests came over TLS, whatever a request line claims", async () => {
    const server = createTestServer();
    const { port } = listenTo({ fetch: server.router.fetch });
    for (const start of ["GET /olla/proxy/x", "GET http://localhost/olla/proxy/x"]) {
      using client = await TlsClient.open(port);
      client.send(`${start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      await waitUntil(() => client.received.includes("200 OK"));
    }
    using old = await TlsClient.open(port);
    old.send("GET /olla/proxy/x HTTP/1.0\r\n\r\n");
    await waitUntil(() => old.received.includes("200 OK"));
    expect(server.exchanges.map(({ isSecure }) => isSecure)).toEqual([true, true, true]);
  });

  test("takes TLS 1.2 and 1.3, or 1.3 alone, and nothing older than 1.2", async () => {
    const usual = listenTo();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      using client = await TlsClient.open(usual.port, { maxVersion: version });
      expect(client.protocol).toBe(version);
    }
    const strict = listenTo({ tls: listenerTls("one", { minVersion: "1.3" }) });
    using client = await TlsClient.open(strict.port);
    expect(client.protocol).toBe("TLSv1.3");
    await expect(TlsClient.open(strict.port, { maxVersion: "TLSv1.2" })).rejects.toThrow();
  });

  test("says that a port is taken, as without TLS", () => {
    const { port } = listenTo();
    expect(() => listenTo({ port })).toThrow(ListenError);
  });
});

describe("authorities of clients", () => {
  const withClients = { tls: listenerTls("one", { clientCa: pem("authority.pem") }) };

  async function answerWith(url: string, pair?: { cert: string; key: string }): Promise<string> {
    const answer = await fetch(url, { keepalive: false, tls: { ca: pem("authority.pem"), ...pair } });
    return await answer.text();
  }

  test("let in who shows a certificate of theirs, and nobody else", async () => {
    let requests = 0;
    const { url } = listenTo({
      ...withClients,
      fetch: () => {
        requests += 1;
        return new Response("here");
      },
    });
    await expect(answerWith(url)).rejects.toThrow();
    await expect(answerWith(url, pairOf("stranger"))).rejects.toThrow();
    // The right names, of another authority.
    await expect(answerWith(url, pairOf("strange-client"))).rejects.toThrow();
    await expect(answerWith(url, pairOf("expired"))).rejects.toThrow();
    expect(requests).toBe(0);
    expect(await answerWith(url, pairOf("client"))).toBe("here");
    expect(requests).toBe(1);
  });

  test("are still asked for after a renewal", async () => {
    const listener = listenTo(withClients);
    listener.renew(listenerTls("two", { clientCa: pem("authority.pem") }));
    await expect(answerWith(listener.url)).rejects.toThrow();
    expect(await answerWith(listener.url, pairOf("client"))).toBe("here");
  });
});

describe("a renewed certificate", () => {
  test("is what new connections meet, while a stream begun before it ends whole", async () => {
    const streams = new Streams();
    const listener = listenTo({ fetch: streams.fetch });
    using client = await TlsClient.open(listener.port);
    expect(client.serverName).toBe("one");
    client.get("/");
    await waitUntil(() => client.received.includes("begun;"));

    listener.renew(listenerTls("two"));
    expect(await serverNameAt(listener.port)).toBe("two");
    streams.write(0, "middle;");
    await waitUntil(() => client.received.includes("middle;"));
    listener.renew(listenerTls("one"));
    expect(await serverNameAt(listener.port)).toBe("one");
    streams.write(0, "last;");
    streams.end(0);
    await waitUntil(() => client.received.endsWith("\r\n0\r\n\r\n"));
    expect(client.received).toContain("last;");
    expect(client.failure).toBeUndefined();
  });

  test("does not hide streams of earlier ones from a stop, which waits for all of them", async () => {
    const streams = new Streams();
    const listener = listenTo({ fetch: streams.fetch });
    const clients: TlsClient[] = [];
    for (const name of ["two", "one", "two"]) {
      const client = await TlsClient.open(listener.port);
      client.get("/");
      clients.push(client);
      await waitUntil(() => client.received.includes("begun;"));
      listener.renew(listenerTls(name));
    }
    let ended: string | undefined;
    const stopped = listener.stop(60_000).then((how) => {
      ended = how;
      return how;
    });
    for (const index of clients.keys()) {
      await expect(TlsClient.open(listener.port)).rejects.toThrow();
      expect(ended).toBeUndefined();
      streams.end(index);
      await waitUntil(() => clients[index]?.received.endsWith("0\r\n\r\n"));
    }
    expect(await within(stopped, 5_000, "the listener stops")).toBe("drained");
    for (const client of clients) client[Symbol.dispose]();
  });

  test("does not save streams of earlier ones when the time for stopping is up", async () => {
    const streams = new Streams();
    const listener = listenTo({ fetch: streams.fetch });
    using client = await TlsClient.open(listener.port);
    client.get("/");
    await waitUntil(() => client.received.includes("begun;"));
    listener.renew(listenerTls("two"));
    expect(await within(listener.stop(20), 5_000, "the listener stops")).toBe("aborted");
    await waitUntil(() => client.hasEnded);
  });

  test("is not lost to a program that takes the port in between: it is opened as soon as it is free", async () => {
    const taken: unknown[] = [];
    let retry: (() => void) | undefined;
    const listener = listenTo({
      onPortLost: (error) => taken.push(error),
      clock: {
        ...systemClock,
        after: (_delayMs, callback) => {
          retry = callback;
          return () => {};
        },
      },
    });
    const { serve } = Bun;
    let thief: Bun.Server<undefined> | undefined;
    Bun.serve = ((options: Parameters<typeof serve>[0]) => {
      thief ??= serve({ hostname: "127.0.0.1", port: listener.port, fetch: () => new Response("thief") });
      return serve(options);
    }) as typeof serve;
    try {
      listener.renew(listenerTls("two"));
    } finally {
      Bun.serve = serve;
    }
    retry?.();
    expect(taken.map((error) => (error instanceof ListenError ? error.code : error))).toEqual(["EADDRINUSE"]);
    await thief?.stop(true);
    retry?.();
    expect(await serverNameAt(listener.port)).toBe("two");
    expect(taken).toHaveLength(1);
  });

  test("closes the port for so short a time that clients who keep connecting hardly ever notice", async () => {
    const listener = listenTo();
    let isOver = false;
    const counts = { met: 0, refused: 0 };
    const keepConnecting = async () => {
      while (!isOver) {
        const isMet = await serverNameAt(listener.port).then(
          () => true,
          () => false,
        );
        counts[isMet ? "met" : "refused"] += 1;
      }
    };
    const clients = [keepConnecting(), keepConnecting()];
    let longestMs = 0;
    for (let renewal = 0; renewal < 10; renewal += 1) {
      const metBefore = counts.met;
      const startedAt = performance.now();
      listener.renew(listenerTls(renewal % 2 === 0 ? "two" : "one"));
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await waitUntil(() => counts.met > metBefore + 5);
    }
    isOver = true;
    await Promise.all(clients);
    // Each client can at most be in the middle of a handshake that goes down with the old certificate.
    expect(counts.refused).toBeLessThanOrEqual(20);
    expect(longestMs).toBeLessThan(100);
  });
});
