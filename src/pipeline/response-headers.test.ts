import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { ollaHeaders, ResponseHeaders, type UpstreamAnswerFacts } from "./response-headers.ts";

const settings = { version: "1.2.3", isCorsOn: false };
const endpoint = sampleEndpoint({ name: "gpu" });

function relayed(
  upstream: ConstructorParameters<typeof Headers>[0],
  overrides: Partial<UpstreamAnswerFacts> = {},
  isCorsOn = false,
): Record<string, string> {
  const facts: UpstreamAnswerFacts = {
    upstream: new Headers(upstream),
    endpoint,
    requestId: "calm-otter-1a2b",
    model: "Llama3:8B",
    elapsedMs: 12.6,
    decision: { strategy: "strict", action: "routed", reason: "model_found" },
    isStream: false,
    ...overrides,
  };
  const first = Object.fromEntries(new ResponseHeaders({ ...settings, isCorsOn }).build(facts));
  for (let time = 0; time < 2; time += 1) {
    expect(Object.fromEntries(busy[isCorsOn ? "cors" : "plain"].build(facts))).toEqual(first);
  }
  return first;
}

/** Those that have built others before. */
const busy = {
  plain: new ResponseHeaders(settings),
  cors: new ResponseHeaders({ ...settings, isCorsOn: true }),
};

describe("a relayed answer", () => {
  test("says where it came from", () => {
    expect(relayed({})).toEqual({
      via: "1.1 olla/1.2.3",
      "x-olla-backend-type": "openai-compatible",
      "x-olla-endpoint": "gpu",
      "x-olla-model": "Llama3:8B",
      "x-olla-request-id": "calm-otter-1a2b",
      "x-olla-response-time": "13ms",
      "x-olla-routing-decision": "routed",
      "x-olla-routing-reason": "model_found",
      "x-olla-routing-strategy": "strict",
      "x-served-by": "Olla/1.2.3",
    });
  });

  test("without a model and a decision says nothing of them", () => {
    const names = Object.keys(relayed({}, { model: undefined, decision: undefined }));
    expect(names.filter((name) => /model|routing/.test(name))).toEqual([]);
  });

  test("keeps the endpoint's headers, encoding, length and type included", () => {
    const own = {
      "content-encoding": "gzip",
      "content-length": "17",
      "content-type": "application/json",
      "retry-after": "3",
      server: "llama.cpp",
      "x-ratelimit-remaining": "4",
    };
    expect(relayed(own)).toMatchObject(own);
  });

  test("adds to Via and replaces X-Served-By", () => {
    expect(relayed({ via: "1.1 vllm-edge", "x-served-by": "somebody" })).toMatchObject({
      via: "1.1 vllm-edge, 1.1 olla/1.2.3",
      "x-served-by": "Olla/1.2.3",
    });
  });

  test("drops what belongs to the hop", () => {
    const hop = {
      connection: "close, x-hop",
      "keep-alive": "timeout=5, max=100",
      trailer: "x-sum",
      "transfer-encoding": "chunked",
      "x-hop": "1",
    };
    expect(relayed(hop)).not.toContainAnyKeys(Object.keys(hop));
  });

  test("drops credentials and the endpoint's secret header names, reflected or not", () => {
    const secretive = sampleEndpoint({ secretHeaderNames: new Set(["x-tenant", "x-custom-key"]) });
    const names = [
      "Authorization",
      "Proxy-Authorization",
      "X-Api-Key",
      "X-Auth-Token",
      "Set-Cookie",
      "X-Tenant",
      "X-Custom-Key",
    ];
    const upstream = new Headers(names.map((name) => [name, "canary"]));
    upstream.append("set-cookie", "second=canary");
    expect(JSON.stringify(relayed(upstream, { endpoint: secretive }))).not.toContain("canary");
  });

  test("does not let an endpoint speak in our name", () => {
    const sent = relayed({
      "X-Olla-Endpoint": "forged",
      "X-OLLA-Sticky-Session": "hit",
      "x-olla-a": "",
      "x-olla-b": "",
    });
    expect(sent["x-olla-endpoint"]).toBe("gpu");
    expect(sent).not.toContainAnyKeys(["x-olla-sticky-session", "x-olla-a", "x-olla-b"]);
  });

  test("drops the endpoint's CORS answer only when ours is on", () => {
    const cors = { "access-control-allow-origin": "*", "access-control-expose-headers": "x-a" };
    expect(relayed(cors)).toMatchObject(cors);
    expect(relayed(cors, {}, true)).not.toContainAnyKeys(Object.keys(cors));
  });

  test("asks proxies not to collect a stream, unless the endpoint has said something about it", () => {
    expect(relayed({}, { isStream: true })).toMatchObject({ "x-accel-buffering": "no" });
    expect(relayed({ "x-accel-buffering": "yes" }, { isStream: true })).toMatchObject({
      "x-accel-buffering": "yes",
    });
    expect(relayed({})).not.toContainKey("x-accel-buffering");
  });

  test("leaves the endpoint's own headers as they were", () => {
    const upstream = new Headers({ "set-cookie": "a=1", "x-olla-x": "1" });
    relayed({}, { upstream });
    expect([...upstream.keys()].sort()).toEqual(["set-cookie", "x-olla-x"]);
  });

  test("survives names that a header cannot carry", () => {
    const named = sampleEndpoint({ name: "büro\n" });
    expect(relayed({}, { endpoint: named, model: "模型\r\nSet-Cookie: a=1" })).toMatchObject({
      "x-olla-endpoint": "b%C3%BCro%0A",
      "x-olla-model": "%E6%A8%A1%E5%9E%8B%0D%0ASet-Cookie: a=1",
    });
  });
});

test("no credential, nothing of the hop and nothing in our name ever passes", () => {
  const canary = "canary-5d41402a";
  const forbidden = fc.constantFrom(
    ...[
      "Authorization",
      "X-Api-Key",
      "Set-Cookie",
      "Keep-Alive",
      "Upgrade",
      "TE",
      "x-tenant",
      "Proxy-Connection",
    ],
  );
  const ours = fc.stringMatching(/^[xX]-[oO]lla-[a-zA-Z-]{1,12}$/);
  const secretive = sampleEndpoint({ secretHeaderNames: new Set(["x-tenant"]) });
  fc.assert(
    fc.property(fc.array(fc.oneof(forbidden, ours), { maxLength: 12 }), (names) => {
      const upstream = new Headers({ "content-type": "text/plain" });
      for (const name of names) upstream.append(name, canary);
      const sent = relayed(upstream, { endpoint: secretive });
      expect(JSON.stringify(sent)).not.toContain(canary);
      expect(sent["content-type"]).toBe("text/plain");
    }),
    { numRuns: 300 },
  );
});

describe("an answer of ours", () => {
  test("has the request id even when nothing else is known", () => {
    const nothing = {
      endpointName: undefined,
      backendType: undefined,
      model: undefined,
      elapsedMs: undefined,
      decision: undefined,
    };
    expect(ollaHeaders({ requestId: "r1", ...nothing })).toEqual([["X-Olla-Request-ID", "r1"]]);
  });

  test("leaves an empty reason out", () => {
    const decision = { strategy: "strict", action: "rejected", reason: "" } as const;
    const facts = {
      requestId: "r1",
      endpointName: "gpu",
      backendType: "vllm",
      model: "m",
      elapsedMs: 0.2,
      decision,
    };
    expect(ollaHeaders(facts)).toEqual([
      ["X-Olla-Request-ID", "r1"],
      ["X-Olla-Endpoint", "gpu"],
      ["X-Olla-Backend-Type", "vllm"],
      ["X-Olla-Model", "m"],
      ["X-Olla-Routing-Strategy", "strict"],
      ["X-Olla-Routing-Decision", "rejected"],
      ["X-Olla-Response-Time", "0ms"],
    ]);
  });
});
