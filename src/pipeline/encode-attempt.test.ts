import { expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import type { Candidate } from "../balancer/balancer.ts";
import { createAttemptEncoder } from "./encode-attempt.ts";
import { inspect } from "./inspect.ts";
import { createBodyRewriter } from "./rewrite-body.ts";

const text = '{ "model" : "alias", "temperature": 0.1 }';

function encoderFor(body: string) {
  const bytes = new TextEncoder().encode(body);
  const shared = new Headers({
    "x-model": "alias",
    "content-encoding": "gzip",
    "content-md5": "x",
    accept: "*/*",
  });
  const dispatch = createAttemptEncoder({
    inspection: inspect(bytes),
    upstreamPath: "/v1/chat/completions",
    apiRequest: undefined,
    build: ({ origin }) => ({ url: origin, method: "POST", headers: shared, body: bytes }),
    rewriter: createBodyRewriter(),
  });
  return { encode: (chosen: Candidate) => dispatch(chosen).request, bytes, shared };
}

function candidate(more: Partial<Candidate> = {}): Candidate {
  return { endpoint: sampleEndpoint(), status: "healthy", model: "alias", ...more };
}

function written(body: unknown): string {
  return new TextDecoder().decode(body as Uint8Array);
}

test("nothing chosen: the very same request", () => {
  const { encode, bytes, shared } = encoderFor(text);
  const request = encode(candidate());
  expect(request.body).toBe(bytes);
  expect(request.headers).toBe(shared);
});

test("each attempt begins with the client's bytes, and the headers say what this one asks for", () => {
  const { encode, shared } = encoderFor(text);
  const bodyDefaults = { temperature: 1, top_p: 0.5 };
  const first = encode(candidate({ model: "big", bodyModel: "big", bodyDefaults }));
  expect(JSON.parse(written(first.body))).toEqual({ model: "big", temperature: 0.1, top_p: 0.5 });
  expect(Object.fromEntries(first.headers)).toEqual({ "x-model": "big", accept: "*/*" });
  const second = encode(candidate({ model: "small", bodyModel: "small" }));
  expect(written(second.body)).toBe(text.replace("alias", "small"));
  expect(shared.get("x-model")).toBe("alias");
});

test("a body that takes no change goes on as it came, with what was said about its bytes", () => {
  const { encode, bytes } = encoderFor("no JSON at all");
  const request = encode(candidate({ model: "big", bodyModel: "big" }));
  expect(request.body).toBe(bytes);
  expect(request.headers.get("content-encoding")).toBe("gzip");
});

test("space around a name, without which it was found, does not reach the endpoint", () => {
  const { encode, bytes } = encoderFor('{"model":" tiny\\n","n":1}');
  expect(written(encode(candidate({ model: "tiny" })).body)).toBe('{"model":"tiny","n":1}');
  expect(encode(candidate({ model: undefined })).body).toBe(bytes);
});
