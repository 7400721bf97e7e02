import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { Secret } from "../lib/secret.ts";
import { type ClientRequest, createRequestBuilder } from "./upstream-request.ts";

const version = "1.2.3";
const plain = sampleEndpoint();

function clientRequest(
  headers: ConstructorParameters<typeof Headers>[0] = {},
  overrides: Partial<ClientRequest> = {},
): ClientRequest {
  return {
    method: "POST",
    headers: new Headers(headers),
    peerAddress: "192.0.2.7",
    clientAddress: "192.0.2.7",
    isSecure: false,
    requestId: "calm-otter-1a2b",
    upstreamPath: "/v1/chat/completions",
    query: "",
    model: undefined,
    body: undefined,
    ...overrides,
  };
}

const busy = createRequestBuilder(version);

/** What goes out the first time, and must go out every other time too, whoever else has sent something in between. */
function sentHeaders(client: ClientRequest, endpoint = plain): Record<string, string> {
  const first = Object.fromEntries(createRequestBuilder(version)(client)(endpoint).headers);
  for (let time = 0; time < 3; time += 1) {
    expect(Object.fromEntries(busy(client)(endpoint).headers)).toEqual(first);
  }
  return first;
}

describe("headers", () => {
  test("a bare request goes out with what a proxy has to say", () => {
    expect(sentHeaders(clientRequest())).toEqual({
      "accept-encoding": "identity",
      "user-agent": "olla/1.2.3",
      via: "1.1 olla/1.2.3",
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-proto": "http",
      "x-olla-request-id": "calm-otter-1a2b",
      "x-proxied-by": "Olla/1.2.3",
      "x-real-ip": "192.0.2.7",
    });
  });

  test("the client's own headers pass", () => {
    const own = {
      accept: "text/event-stream",
      "accept-encoding": "gzip, br",
      "content-encoding": "gzip",
      "content-type": "application/json",
      "openai-beta": "assistants=v2",
      "user-agent": "OpenAI/JS 4.0",
      "x-olla-session-id": "s1",
    };
    expect(sentHeaders(clientRequest(own))).toMatchObject(own);
  });

  test("Host and Content-Length are left to be the endpoint's and the body's", () => {
    const sent = sentHeaders(
      clientRequest({ host: "olla.lan:40114", "content-length": "17", expect: "100-continue" }),
    );
    expect(sent).not.toContainAnyKeys(["host", "content-length", "expect"]);
    expect(sent).toMatchObject({ "x-forwarded-host": "olla.lan:40114" });
  });

  test("our request id goes beside the client's own, which only the client may choose", () => {
    expect(sentHeaders(clientRequest({ "x-request-id": "c1", "x-olla-request-id": "forged" }))).toMatchObject(
      {
        "x-request-id": "c1",
        "x-olla-request-id": "calm-otter-1a2b",
      },
    );
  });

  test("Origin does not pass: Ollama refuses foreign ones", () => {
    expect(sentHeaders(clientRequest({ origin: "https://chat.example" }))).not.toContainKey("origin");
  });

  test("Via is added behind those before us", () => {
    expect(sentHeaders(clientRequest({ via: "1.0 edge" }))).toMatchObject({
      via: "1.0 edge, 1.1 olla/1.2.3",
    });
  });

  const forwarding = {
    forwarded: "for=198.51.100.1",
    "x-forwarded-for": "198.51.100.1",
    "x-forwarded-host": "public.example",
    "x-forwarded-port": "443",
    "x-forwarded-prefix": "/ai",
    "x-forwarded-proto": "https",
    "x-forwarded-server": "edge",
    "x-real-ip": "198.51.100.1",
  };

  test("what anybody could write about forwarding is replaced by what we know", () => {
    const sent = sentHeaders(clientRequest({ ...forwarding, host: "olla.lan" }, { isSecure: true }));
    expect(Object.keys(sent).filter((name) => name.includes("forwarded"))).toEqual([
      "x-forwarded-for",
      "x-forwarded-host",
      "x-forwarded-proto",
    ]);
    expect(sent).toMatchObject({
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-host": "olla.lan",
      "x-forwarded-proto": "https",
      "x-real-ip": "192.0.2.7",
    });
  });

  test("what a trusted proxy says is believed, and the peer is added, once", () => {
    const received = {
      ...forwarding,
      "x-forwarded-for": "10.9.9.9, 198.51.100.1",
      forwarded: "for=10.9.9.9",
    };
    const trusted = { clientAddress: "198.51.100.1", trustedForwarding: { chain: "198.51.100.1" } };
    const sent = sentHeaders(clientRequest({ ...received, host: "olla.lan" }, trusted));
    const { forwarded: _, ...kept } = forwarding;
    expect(sent).toMatchObject({ ...kept, "x-forwarded-for": "198.51.100.1, 192.0.2.7" });
    expect(sent).not.toContainKey("forwarded");
  });

  test("a trusted proxy that names nobody is the client itself", () => {
    const sent = sentHeaders(clientRequest({}, { trustedForwarding: { chain: undefined } }));
    expect(sent).toMatchObject({ "x-forwarded-for": "192.0.2.7", "x-real-ip": "192.0.2.7" });
  });

  test("X-Model says what was asked for, and never what the client put there", () => {
    expect(sentHeaders(clientRequest({ "x-model": "forged" }, { model: "Llama3:8B" }))["x-model"]).toBe(
      "Llama3:8B",
    );
    expect(sentHeaders(clientRequest({ "x-model": "forged" }))).not.toContainKey("x-model");
    expect(sentHeaders(clientRequest({}, { model: "größe\n" }))["x-model"]).toBe("gr%C3%B6%C3%9Fe%0A");
  });

  test("the endpoint's headers replace the client's, and the later of them, its auth, win", () => {
    const endpoint = sampleEndpoint({
      requestHeaders: [
        ["User-Agent", new Secret("custom")],
        ["X-Tenant", new Secret("t1")],
        ["Authorization", new Secret("Bearer endpoint-key")],
      ],
    });
    const sent = sentHeaders(
      clientRequest({ authorization: "Bearer client-key", "x-tenant": "forged" }),
      endpoint,
    );
    expect(sent).toMatchObject({
      authorization: "Bearer endpoint-key",
      "user-agent": "custom",
      "x-tenant": "t1",
    });
  });

  test("one endpoint's headers do not reach the next one", () => {
    const first = sampleEndpoint({ requestHeaders: [["Authorization", new Secret("Bearer first")]] });
    const second = sampleEndpoint({ name: "second", requestHeaders: [["X-Api-Key", new Secret("second")]] });
    const forEndpoint = createRequestBuilder(version)(clientRequest());
    expect(forEndpoint(first).headers.get("authorization")).toBe("Bearer first");
    expect(forEndpoint(second).headers.get("authorization")).toBeNull();
    expect(forEndpoint(plain).headers.get("x-api-key")).toBeNull();
  });

  test("a Host among the endpoint's headers has no effect", () => {
    const endpoint = sampleEndpoint({ requestHeaders: [["Host", new Secret("elsewhere")]] });
    expect(sentHeaders(clientRequest({ host: "olla.lan" }), endpoint)).not.toContainKey("host");
  });

  test("the client's headers are left as they were", () => {
    const client = clientRequest({ authorization: "Bearer x", host: "h" });
    sentHeaders(client);
    expect(Object.fromEntries(client.headers)).toEqual({ authorization: "Bearer x", host: "h" });
  });
});

describe("what is remembered of a client's headers", () => {
  const builder = createRequestBuilder(version);
  const send = (client: ClientRequest) => Object.fromEntries(builder(client)(plain).headers);

  test("is never what belongs to one request", () => {
    const ids = ["x-request-id", "traceparent", "tracestate", "baggage", "idempotency-key"];
    const clientOf = (text: string) =>
      clientRequest({ "user-agent": "a", ...Object.fromEntries(ids.map((name) => [name, text])) });
    for (let time = 0; time < 4; time += 1) {
      const sent = send({ ...clientOf(`own-${time}`), requestId: `id-${time}` });
      expect(ids.map((name) => sent[name])).toEqual(ids.map(() => `own-${time}`));
      expect(sent["x-olla-request-id"]).toBe(`id-${time}`);
    }
    expect(Object.keys(send(clientRequest({ "user-agent": "a" })))).not.toContain("traceparent");
  });

  test.each([
    ["an address", { peerAddress: "192.0.2.8" }],
    ["an address behind a proxy", { clientAddress: "192.0.2.9" }],
    ["a model", { model: "other" }],
    ["a model with a line break", { model: "tiny\nuser-agent:b" }],
    ["a way in", { isSecure: true }],
    ["a chain of proxies", { trustedForwarding: { chain: "203.0.113.1" } }],
  ] satisfies [string, Partial<ClientRequest>][])(
    "is not taken for another request by %s",
    (_what, changed) => {
      const headers = { "user-agent": "a", host: "olla.lan", "x-forwarded-proto": "https" };
      const usual = clientRequest(headers, { model: "tiny" });
      const other = { ...usual, ...changed };
      const expected = [usual, other].map((client) =>
        Object.fromEntries(createRequestBuilder(version)(client)(plain).headers),
      );
      for (let time = 0; time < 3; time += 1) expect([send(usual), send(other)]).toEqual(expected);
      expect(expected[0]).not.toEqual(expected[1]);
    },
  );

  test("is not changed by what is done to the headers that go out", () => {
    const client = clientRequest({ "user-agent": "c" });
    for (let time = 0; time < 3; time += 1) {
      const { headers } = builder(client)(plain);
      expect(headers.has("traceparent")).toBe(false);
      headers.set("traceparent", "00-1");
      headers.delete("via");
    }
    expect(send(client).via).toBe("1.1 olla/1.2.3");
  });
});

test("no credential and nothing of the hop ever passes, whatever surrounds it", () => {
  const canary = "canary-5d41402a";
  const forbidden = [
    ...["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "Proxy-Authorization", "api-key"],
    ...["Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect", "Origin"],
  ];
  const spell = fc.constantFrom(
    (name: string) => name.toLowerCase(),
    (name: string) => name.toUpperCase(),
    (name: string) => name,
  );
  const hopName = fc.stringMatching(/^x-hop-[a-z]{1,8}$/);
  fc.assert(
    fc.property(
      fc.subarray(forbidden),
      spell,
      fc.array(hopName, { maxLength: 4 }),
      fc.constantFrom(", ", ",", " ,\t"),
      (names, spelled, hopNames, comma) => {
        const headers = new Headers({ "x-kept": "1" });
        for (const name of [...names, ...hopNames]) headers.append(spelled(name), canary);
        headers.append("Connection", ["close", ...hopNames.map(spelled)].join(comma));
        const sent = sentHeaders(clientRequest(headers));
        expect(JSON.stringify(sent)).not.toContain(canary);
        expect(sent).toMatchObject({ "x-kept": "1" });
        expect(sent).not.toContainKey("connection");
      },
    ),
    { numRuns: 300 },
  );
});

describe("the rest of the request", () => {
  test("method, path, query and body are the client's, the origin the endpoint's", () => {
    const body = new TextEncoder().encode('{"model":"a"}');
    const client = clientRequest({}, { method: "PUT", upstreamPath: "/v1/x%2Fy", query: "?a=1", body });
    const sent = createRequestBuilder(version)(client)(sampleEndpoint({ url: "http://gpu.invalid:8000" }));
    expect(sent).toMatchObject({ method: "PUT", url: "http://gpu.invalid:8000/v1/x%2Fy?a=1" });
    expect(sent.body).toBe(body);
  });

  test("an empty body is none", () => {
    const client = clientRequest({}, { body: new Uint8Array(0) });
    expect(createRequestBuilder(version)(client)(plain).body).toBeUndefined();
  });
});
