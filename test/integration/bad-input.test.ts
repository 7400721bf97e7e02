// Requests that are wrong, strange or hostile. Each is answered well-formed, and the next request is served.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";

const chat = "/olla/proxy/v1/chat/completions";

let tiny: FakeUpstream;
let other: FakeUpstream;
let olla: RunningOlla;

beforeAll(async () => {
  tiny = new FakeUpstream({ models: ["tiny"] });
  other = new FakeUpstream({ models: ["other", "größe-7b"] });
  olla = await startOlla({
    endpoints: [
      { name: "tiny", url: tiny.url, type: "openai-compatible", priority: 200 },
      { name: "other", url: other.url, type: "openai-compatible", priority: 100 },
    ],
  });
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await tiny[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

beforeEach(async () => {
  expect((await fetch(`${olla.url}/internal/health`)).status).toBe(200);
});

async function routedTo(
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string | null> {
  const answer = await fetch(`${olla.url}${chat}`, { method: "POST", body, headers });
  expect(answer.status).toBe(200);
  return answer.headers.get("x-olla-endpoint");
}

describe("a request body", () => {
  test("that is malformed JSON is the upstream's to judge", async () => {
    const before = tiny.requests.length;
    const answer = await fetch(`${olla.url}${chat}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"model":"tiny", broken',
    });
    expect(answer.status).toBe(200);
    expect(tiny.requests.length + other.requests.length).toBeGreaterThan(before);
  });

  test("that is empty is passed on", async () => {
    const answer = await fetch(`${olla.url}${chat}`, { method: "POST" });
    expect(answer.status).toBe(200);
  });

  test("that claims JSON and is not is passed on unchanged", async () => {
    const answer = await fetch(`${olla.url}${chat}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "model=other&stream=true",
    });
    expect(answer.headers.get("x-olla-model")).toBeNull();
    expect(tiny.requests.at(-1)?.text).toBe("model=other&stream=true");
  });

  test("with JSON in it is scanned whatever its Content-Type says", async () => {
    const type = { "Content-Type": "application/x-www-form-urlencoded" };
    expect(await routedTo('  {"model":"other"}', type)).toBe("other");
  });

  test("names its model in any case", async () => {
    expect(await routedTo('{"model":"OTHER"}')).toBe("other");
  });

  test("may escape the key and the value", async () => {
    expect(await routedTo(String.raw`{"\u006dodel":"\u006fther"}`)).toBe("other");
  });

  test("may name a model outside ASCII, escaped or not", async () => {
    expect(await routedTo('{"model":"größe-7b"}')).toBe("other");
    expect(await routedTo(String.raw`{"model":"gr\u00f6\u00dfe-7b"}`)).toBe("other");
  });

  test("with model keys nested eight deep is routed by its top-level one", async () => {
    let nested = '{"model":"tiny"}';
    for (let depth = 0; depth < 8; depth += 1)
      nested = `{"model":"tiny","in":${nested},"list":[${nested.length}]}`;
    expect(await routedTo(`{"deep":${nested},"model":"other"}`)).toBe("other");
  });

  test("with several top-level models is routed like JSON.parse reads it: the last one counts", async () => {
    expect(await routedTo('{"model":"tiny","model":"tiny","model":"other"}')).toBe("other");
  });

  test("whose model is no string has no model", async () => {
    for (const model of ["7", "null", "{}", '["other"]', "true"]) {
      const answer = await fetch(`${olla.url}${chat}`, { method: "POST", body: `{"model":${model}}` });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-olla-model")).toBeNull();
    }
  });

  test("with a model of header-breaking characters cannot forge a header", async () => {
    const answer = await fetch(`${olla.url}${chat}`, {
      method: "POST",
      body: JSON.stringify({ model: "tiny\r\nX-Forged: 1" }),
    });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("x-forged")).toBeNull();
    expect((await answer.json()) as unknown).toHaveProperty("error.code", "model_not_found");
  });
});

describe("a model that nobody has", () => {
  test("is a 404 that names it and the nearest ones, in the caller's dialect", async () => {
    const openai = await fetch(`${olla.url}${chat}`, { method: "POST", body: '{"model":"othr"}' });
    expect(openai.status).toBe(404);
    expect(openai.headers.get("x-olla-request-id")).toBeTruthy();
    expect(openai.headers.get("x-olla-routing-decision")).toBe("rejected");
    const { error } = (await openai.json()) as { error: { message: string; code: string } };
    expect(error.code).toBe("model_not_found");
    expect(error.message).toContain("othr");
    expect(error.message).toContain("other");
  });
});

describe("an address", () => {
  const cases = [
    "/nothing",
    "/olla",
    "/olla/unknown/v1/chat/completions",
    "/v2/chat",
    "/internal/none",
    "/%00",
  ];
  test.each(cases)("that leads nowhere gets a JSON 404: %s", async (path) => {
    const answer = await fetch(`${olla.url}${path}`, { redirect: "manual" });
    if (answer.status === 308) return;
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect((await answer.json()) as unknown).toHaveProperty("error");
  });

  test("with dot segments never leaves the endpoint's root", async () => {
    for (const path of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/a/../../b", "/.%2e/x"]) {
      using client = await RawClient.connect(olla.port);
      client.request(`GET /olla/proxy${path} HTTP/1.1`);
      const answer = await client.readResponse();
      expect(answer.startLine).toMatch(/ (200|30\d|400|404)/);
      for (const { target } of [...tiny.requests, ...other.requests]) {
        expect(decodeURIComponent(target)).not.toContain("..");
      }
    }
  });

  test("keeps its encoding on the way to the endpoint", async () => {
    using client = await RawClient.connect(olla.port);
    client.request("GET /olla/proxy/v1/files/a%2Fb%20c?q=%26 HTTP/1.1");
    expect((await client.readResponse()).startLine).toContain("200");
    expect(tiny.requests.at(-1)?.target).toBe("/v1/files/a%2Fb%20c?q=%26");
  });
});

describe("a request head", () => {
  test("of HTTP/1.0 without Host is served like any other", async () => {
    using health = await RawClient.connect(olla.port);
    health.send("GET /internal/health HTTP/1.0\r\n\r\n");
    expect(await health.readUntil('"healthy"')).toContain("200 OK");

    using proxied = await RawClient.connect(olla.port);
    const body = '{"model":"other"}';
    proxied.send(`POST ${chat} HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const text = await proxied.readUntil("chatcmpl");
    expect(text.toLowerCase()).toContain("x-olla-endpoint: other");
  });

  test("with a flood of headers gets a 431", async () => {
    using client = await RawClient.connect(olla.port);
    client.request(
      `POST ${chat} HTTP/1.1`,
      Array.from({ length: 150 }, (_, index) => `X-Flood-${index}: ${"f".repeat(8_000)}`),
      "{}",
    );
    const head = await client.readHead();
    expect(head.startLine).toContain("431");
  });

  test("with a bare line end, a space in the name or two lengths is refused", async () => {
    const heads = [
      `POST ${chat} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      `POST ${chat} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
      `POST ${chat} HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n`,
      "NONSENSE\r\n\r\n",
      `GET ${chat} HTTP/1.1\r\n\r\n`,
    ];
    const before = tiny.requests.length + other.requests.length;
    for (const head of heads) {
      using client = await RawClient.connect(olla.port);
      client.send(head);
      await client.closed;
      expect(client.text).toMatch(/^(HTTP\/1\.1 (400|505)|$)/);
    }
    expect(tiny.requests.length + other.requests.length).toBe(before);
  });

  test("with a Content-Length far beyond every limit is refused at once", async () => {
    using client = await RawClient.connect(olla.port);
    client.send(`POST ${chat} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{`);
    const head = await client.readHead();
    expect(head.startLine).toContain("413");
  });

  test("with an unusable X-Request-ID gets an id of ours, a usable one is kept", async () => {
    const kept = await fetch(`${olla.url}${chat}`, {
      method: "POST",
      body: "{}",
      headers: { "X-Request-ID": "mine-1" },
    });
    expect(kept.headers.get("x-olla-request-id")).toBe("mine-1");
    const replaced = await fetch(`${olla.url}${chat}`, {
      method: "POST",
      body: "{}",
      headers: { "X-Request-ID": "x".repeat(129) },
    });
    expect(replaced.headers.get("x-olla-request-id")).not.toContain("xxx");
    expect(replaced.headers.get("x-olla-request-id")).toBeTruthy();
  });
});
