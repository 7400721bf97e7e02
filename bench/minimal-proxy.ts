// The least that a proxy on this runtime can do: `bun bench/minimal-proxy.ts <port of the upstream>`. Prints its port.
// What Olla costs more than this is Olla's own doing, on any machine.
const upstreamUrl = `http://127.0.0.1:${process.argv[2] ?? ""}`;

/** They are about one connection, and here are two. */
const hopHeaders = ["connection", "host", "content-length", "transfer-encoding"];

function copyHeaders(headers: Headers): Headers {
  const copy = new Headers(headers);
  for (const name of hopHeaders) copy.delete(name);
  return copy;
}

const minimalProxy = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  idleTimeout: 0,
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    const answer = await fetch(`${upstreamUrl}${pathname}${search}`, {
      method: request.method,
      headers: copyHeaders(request.headers),
      body: request.method === "GET" ? null : await request.arrayBuffer(),
      signal: request.signal,
      decompress: false,
      redirect: "manual",
    });
    return new Response(answer.body, { status: answer.status, headers: copyHeaders(answer.headers) });
  },
});

console.log(minimalProxy.port);
