// A minimal pull-based proxy, run as a process of its own by abort-soak.test.ts. Prints its port.
const upstream = process.env.UPSTREAM ?? "";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  idleTimeout: 0,
  async fetch(request) {
    if (request.url.endsWith("/collect")) {
      Bun.gc(true);
      return Response.json({ rss: process.memoryUsage.rss() });
    }
    const answer = await fetch(upstream, { method: "POST", body: "{}", signal: request.signal });
    const reader = answer.body?.getReader();
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const piece = await reader?.read();
          if (piece?.value !== undefined) controller.enqueue(piece.value);
          if (piece?.done !== false) controller.close();
        },
        cancel: () => reader?.cancel(),
      },
      { highWaterMark: 0 },
    );
    return new Response(body);
  },
  error: () => new Response("aborted", { status: 500 }),
});

console.log(server.port);
