// What web pages may do, and under which names Olla answers: real requests, byte by byte where that matters.
import { describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { answerJson, resetBeforeHead, streamTokens } from "../support/upstream-behaviours.ts";

const evil = "https://evil.test";
const page = "https://chat.example.com";
const chatPath = "/olla/proxy/v1/chat/completions";
const chat = JSON.stringify({ model: "tiny" });

interface Fleet extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly olla: RunningOlla;
}

async function startFleet(
  server: object = {},
  sections: object = {},
  behave?: FakeUpstream["behave"],
): Promise<Fleet> {
  await using started = new AsyncDisposableStack();
  const upstream = started.use(new FakeUpstream({ kind: "vllm", ...(behave && { behave }) }));
  const olla = started.use(
    await startOlla({
      // The status that readiness is read from would ask for the key.
      readiness: "admin" in server ? "listening" : "all-healthy",
      endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }],
      server: { ...server },
      sections: { ...sections },
    }),
  );
  const owned = started.move();
  return { upstream, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function statusLine(port: number, head: string, hostname?: string): Promise<string> {
  using client = await RawClient.connect(port, hostname);
  client.send(`${head}\r\n\r\n`);
  return (await client.readHead()).startLine;
}

function codeOf(body: string): string {
  return /"code":"(\w+)"/.exec(body)?.[1] ?? "";
}

describe("the name in Host, on loopback", () => {
  test("is known or refused, in every form that it has", async () => {
    await using fleet = await startFleet();
    const { olla } = fleet;
    const known = [
      "localhost",
      `127.0.0.1:${olla.port}`,
      `[::1]:${olla.port}`,
      "LOCALHOST.:1",
      "box.local",
      "",
    ];
    for (const host of known) {
      const line = await statusLine(olla.port, `GET /internal/status HTTP/1.1\r\nHost: ${host}`);
      expect([host, line]).toEqual([host, "HTTP/1.1 200 OK"]);
    }
    const unknown = [
      "evil.test",
      `EVIL.test:${olla.port}`,
      "localhost.evil.test",
      "evil.test.",
      "a@localhost",
    ];
    for (const host of unknown) {
      const line = await statusLine(olla.port, `GET /internal/status HTTP/1.1\r\nHost: ${host}`);
      expect([host, line]).toEqual([host, "HTTP/1.1 403 Forbidden"]);
    }
    const twice = "GET /internal/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.test";
    expect(await statusLine(olla.port, twice)).toContain("403");
    const absolute = "GET http://localhost/internal/status HTTP/1.1\r\nHost: evil.test";
    expect(await statusLine(olla.port, absolute)).toContain("403");
    expect(await statusLine(olla.port, "GET /internal/status HTTP/1.0")).toContain("200");
    expect(await statusLine(olla.port, "GET /internal/status HTTP/1.1")).toContain("400");
    expect(await statusLine(olla.port, "GET /internal/health HTTP/1.1\r\nHost: evil.test")).toContain("200");
  });

  test("that is unknown is refused in the caller's words, with the cure, an id and an access line", async () => {
    await using fleet = await startFleet();
    const { olla, upstream } = fleet;
    for (const path of [chatPath, "/v1/messages", "/api/chat", "/olla/models", "/nothing"]) {
      const answer = await fetch(`${olla.url}${path}`, {
        method: "POST",
        headers: { Host: "evil.test" },
        body: chat,
      });
      const body = await answer.text();
      expect([path, answer.status, codeOf(body)]).toEqual([path, 403, "unknown_host"]);
      expect(body).toContain("dashboard.access_policy.allowed_hosts");
      expect(answer.headers.get("x-olla-request-id")).toBeString();
      if (path === "/v1/messages") expect(JSON.parse(body)).toMatchObject({ type: "error" });
      if (path === "/api/chat") expect(JSON.parse(body)).toMatchObject({ error: expect.any(String) });
    }
    expect(upstream.requests).toEqual([]);
    const lines = olla.accessLog().filter(({ error_code }) => error_code === "unknown_host");
    expect(lines).toHaveLength(5);
  });

  test("is known when dashboard.access_policy.allowed_hosts has it, or CORS a page of it", async () => {
    await using fleet = await startFleet(
      { cors: { enabled: true, allowed_origins: [page] } },
      { dashboard: { access_policy: { allowed_hosts: ["olla.example.com", "*.office.example"] } } },
    );
    for (const host of ["olla.example.com", "a.office.example:80", "chat.example.com"]) {
      const line = await statusLine(fleet.olla.port, `GET /internal/status HTTP/1.1\r\nHost: ${host}`);
      expect([host, line]).toEqual([host, "HTTP/1.1 200 OK"]);
    }
    const other = "GET /internal/status HTTP/1.1\r\nHost: evil.test";
    expect(await statusLine(fleet.olla.port, other)).toContain("403");
  });

  test("is anybody's business elsewhere: there people use any name", async () => {
    await using fleet = await startFleet({ host: "0.0.0.0" });
    const anyName = "GET /internal/status HTTP/1.1\r\nHost: olla.whatever.example";
    expect(await statusLine(fleet.olla.port, anyName)).toContain("200");
    const external = Object.values(networkInterfaces())
      .flatMap((found) => found ?? [])
      .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    if (external !== undefined) {
      expect(await statusLine(fleet.olla.port, anyName, external)).toContain("200");
      const change = `POST /olla/proxy/api/pull HTTP/1.1\r\nHost: ${external}\r\nContent-Length: 0`;
      expect(await statusLine(fleet.olla.port, change, external)).toContain("403");
    }
    // A page whose name leads to 127.0.0.1 comes over loopback, too, and from its own origin.
    const rebound = "Host: evil.test\r\nOrigin: http://evil.test\r\nContent-Length: 0";
    expect(await statusLine(fleet.olla.port, `POST /olla/proxy/api/pull HTTP/1.1\r\n${rebound}`)).toContain(
      "403",
    );
    const named = "Host: evil.test\r\nContent-Length: 0";
    expect(await statusLine(fleet.olla.port, `POST /olla/proxy/api/pull HTTP/1.1\r\n${named}`)).toContain(
      "403",
    );
  });
});

describe("a page of another site", () => {
  test("is refused in the caller's words before its body is read, and leaves an access line", async () => {
    await using fleet = await startFleet();
    const { olla, upstream } = fleet;
    const paths = [chatPath, "/v1/messages", "/api/chat", "/internal/status", "/olla/models", "/version"];
    for (const path of paths) {
      using client = await RawClient.connect(olla.port);
      // Of the body nothing is sent: whoever waited for it would not answer.
      client.send(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nOrigin: ${evil}\r\nContent-Length: 1000\r\n\r\n`,
      );
      const answer = await client.readResponse();
      expect([path, answer.startLine]).toEqual([path, "HTTP/1.1 403 Forbidden"]);
      expect(codeOf(answer.text)).toBe("foreign_origin");
      expect(answer.text).toContain("server.cors.allowed_origins");
      expect(answer.header("access-control-allow-origin")).toBeUndefined();
      if (path === "/v1/messages") expect(JSON.parse(answer.text)).toMatchObject({ type: "error" });
      if (path === "/api/chat") expect(JSON.parse(answer.text)).toMatchObject({ error: expect.any(String) });
    }
    expect(upstream.requests).toEqual([]);
    expect(olla.accessLog().filter(({ error_code }) => error_code === "foreign_origin")).toHaveLength(
      paths.length,
    );
  });

  test("is known by what its browser says, too; pages of ours, local ones and programs may ask", async () => {
    await using fleet = await startFleet();
    const { olla } = fleet;
    const cases: readonly [headers: Record<string, string>, status: number][] = [
      [{}, 200],
      [{ Origin: olla.url }, 200],
      [{ Origin: "http://localhost:3000" }, 200],
      [{ Origin: "app://obsidian.md" }, 200],
      [{ Origin: "null" }, 403],
      [{ Origin: "http://localhost.evil.test" }, 403],
      [{ "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" }, 403],
      [{ "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" }, 200],
    ];
    for (const [headers, status] of cases) {
      const answer = await fetch(`${olla.url}/olla/models`, { headers });
      expect([headers, answer.status]).toEqual([headers, status]);
    }
    expect((await fetch(`${olla.url}/internal/health`, { headers: { Origin: evil } })).status).toBe(200);
  });
});

describe("CORS", () => {
  const cors = { enabled: true, allowed_origins: [page, "http://localhost:*"], max_age: 60 };
  const preflight = (origin: string, more: Record<string, string> = {}) => ({
    method: "OPTIONS",
    headers: { Origin: origin, "Access-Control-Request-Method": "POST", ...more },
  });

  test("answers a preflight at every route, before keys and limits are asked, without an endpoint", async () => {
    await using fleet = await startFleet(
      {
        cors,
        admin: { key: "right-admin-key-1234" },
        rate_limits: { per_ip_requests_per_minute: 1, burst_size: 1 },
      },
      { auth: { keys: [{ name: "one", hash: `sha256:${"0".repeat(64)}` }] } },
    );
    const { olla, upstream } = fleet;
    for (const path of [
      chatPath,
      "/v1/messages",
      "/api/chat",
      "/internal/status",
      "/olla/models",
      "/nothing",
    ]) {
      const answer = await fetch(
        `${olla.url}${path}`,
        preflight(page, { "Access-Control-Request-Headers": "authorization,x-stainless-lang" }),
      );
      expect([path, answer.status]).toEqual([path, 204]);
      expect(answer.headers.get("access-control-allow-origin")).toBe(page);
      expect(answer.headers.get("access-control-allow-methods")).toBe("POST");
      expect(answer.headers.get("access-control-allow-headers")).toBe("authorization,x-stainless-lang");
      expect(answer.headers.get("access-control-max-age")).toBe("60");
      expect(answer.headers.get("vary")).toStartWith("Origin,");
    }
    const foreign = await fetch(`${olla.url}${chatPath}`, preflight(evil));
    expect(foreign.status).toBe(204);
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
    expect(upstream.requests).toEqual([]);
    expect(olla.accessLog().filter(({ method }) => method === "OPTIONS")).toEqual([]);
    // What is refused says who may read it.
    const refused = await fetch(`${olla.url}/internal/status`, { headers: { Origin: page } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBe(page);
  });

  test("is said in whole answers, streams, refusals and failures, in place of what the endpoint says", async () => {
    await using fleet = await startFleet({ cors }, {}, (exchange) =>
      exchange.respond(
        200,
        [
          ["Content-Type", "application/json"],
          ["Access-Control-Allow-Origin", "*"],
          ["Access-Control-Allow-Private-Network", "true"],
        ],
        "{}",
      ),
    );
    const { olla, upstream } = fleet;
    const ask = async (body: string, origin: string | undefined = page) => {
      const headers = origin === undefined ? {} : { Origin: origin };
      const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", headers, body });
      await answer.text().catch(String);
      return answer;
    };
    const isMarked = ({ headers }: Response) => {
      expect(headers.get("access-control-allow-origin")).toBe(page);
      expect(headers.get("access-control-expose-headers")).toContain("X-Olla-Endpoint");
      expect(headers.get("access-control-allow-private-network")).toBeNull();
      expect(headers.get("vary")).toContain("Origin");
    };
    isMarked(await ask(chat));
    const program = await ask(chat, "");
    expect(program.headers.get("access-control-allow-origin")).toBeNull();
    isMarked(await ask('{"model":"nobody-has-it"}'));
    upstream.behave = streamTokens(["a", "b"]);
    const stream = await ask('{"model":"tiny","stream":true}');
    expect(stream.headers.get("content-type")).toContain("text/event-stream");
    isMarked(stream);
    upstream.behave = resetBeforeHead;
    const failed = await ask(chat);
    expect(failed.status).toBe(502);
    isMarked(failed);
    isMarked(await fetch(`${olla.url}/nothing`, { headers: { Origin: page } }));
    expect((await ask(chat, evil)).status).toBe(403);
  });

  test("with allow_credentials and exposed_headers says so; with an empty list of methods POST is fine", async () => {
    await using fleet = await startFleet({
      cors: {
        ...cors,
        allow_credentials: true,
        exposed_headers: ["X-Olla-Model"],
        allowed_methods: [],
        allowed_headers: [],
      },
    });
    const { headers } = await fetch(`${fleet.olla.url}/olla/models`, { headers: { Origin: page } });
    expect(headers.get("access-control-allow-credentials")).toBe("true");
    expect(headers.get("access-control-expose-headers")).toBe("X-Olla-Model");
    const allowed = await fetch(
      `${fleet.olla.url}/`,
      preflight(page, { "Access-Control-Request-Headers": "accept" }),
    );
    expect(allowed.headers.get("access-control-allow-headers")).toBe("accept");
    const other = await fetch(
      `${fleet.olla.url}/`,
      preflight(page, { "Access-Control-Request-Headers": "x-a" }),
    );
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("that is off adds nothing, leaves alone what the endpoint says, and preflights are requests like others", async () => {
    await using fleet = await startFleet({}, {}, async (exchange) => {
      await exchange.respond(200, [["Access-Control-Allow-Origin", "https://of-the-endpoint.test"]], "{}");
    });
    const { olla, upstream } = fleet;
    const local = "http://localhost:3000";
    const own = await fetch(`${olla.url}/olla/models`, preflight(local));
    expect([own.status, own.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect([...own.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(own.headers.get("vary")).toBeNull();
    const sent = await fetch(`${olla.url}/olla/proxy/v1/models/tiny/x`, preflight(local));
    expect(sent.headers.get("access-control-allow-origin")).toBe("https://of-the-endpoint.test");
    expect(upstream.requests.at(-1)?.method).toBe("OPTIONS");
  });

  test("for every page opens Olla to every page, but not what changes something", async () => {
    await using fleet = await startFleet({ cors: { enabled: true } }, {}, answerJson({}));
    const { olla, upstream } = fleet;
    const headers = { Origin: evil, "X-Olla-Endpoint": "gpu" };
    const answer = await fetch(`${olla.url}${chatPath}`, { method: "POST", headers, body: chat });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
    const named = await fetch(`${olla.url}/olla/models`, { headers: { Host: "any.test" } });
    expect(named.status).toBe(200);
    const change = await fetch(`${olla.url}/olla/proxy/api/pull`, { method: "POST", headers, body: chat });
    expect(change.status).toBe(403);
    expect(upstream.requests.map(({ target }) => target)).not.toContain("/api/pull");
  });
});
