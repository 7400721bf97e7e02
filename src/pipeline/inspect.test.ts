import { describe, expect, test } from "bun:test";
import { inspect, inspectRequest } from "./inspect.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const typed = (contentType: string) => new Headers({ "content-type": contentType });

test("the model keeps the client's spelling and loses the space around it", () => {
  expect(inspect(encode('{"model":" Llama3:8B\\n","stream":true}'))).toMatchObject({
    model: "Llama3:8B",
    wantsStream: true,
  });
});

test("a name of nothing but space is no name", () => {
  expect(inspect(encode('{"model":"  "}')).model).toBeUndefined();
});

test("the body goes on as the very same bytes", () => {
  const body = encode('{"model":"a"}');
  expect(inspect(body).body).toBe(body);
});

test("a request without a body asks for nothing", () => {
  expect(inspect(undefined)).toEqual({
    model: undefined,
    wantsStream: false,
    body: undefined,
    compressed: undefined,
    scan: undefined,
  });
});

test("a body that is no JSON object is passed on unjudged", () => {
  const body = encode("--boundary\r\nContent-Disposition: form-data");
  for (const contentType of ["text/plain", "multipart/form-data; boundary=boundary", "multipart/form-data"]) {
    expect(inspect(body, false, typed(contentType))).toMatchObject({
      model: undefined,
      wantsStream: false,
      body,
    });
  }
});

describe("a form", () => {
  const form = typed("application/x-www-form-urlencoded; charset=utf-8");
  const rows: readonly [body: string, model: string | undefined, wantsStream: boolean][] = [
    ["model=whisper-1&language=en", "whisper-1", false],
    ["language=en&model=org%2Fname%3Aq4+k&stream=true", "org/name:q4 k", true],
    ["model=first&model=last", "last", false],
    ["submodel=a&prompt=model=b", undefined, false],
    ["submodel=a", undefined, false],
    ["model=%zz", undefined, false],
    ["model=", undefined, false],
    ["model=caf%C3%A9", "café", false],
    ["stream=false&stream=truely", undefined, false],
  ];
  for (const [body, model, wantsStream] of rows) {
    test(`${body} names ${model}`, () => {
      expect(inspect(encode(body), false, form)).toMatchObject({ model, wantsStream });
    });
  }

  test("says where the name is as it is written", () => {
    const { scan } = inspect(encode("a=b&model=org%2Fname&c"), false, form);
    expect(scan?.model).toEqual({
      value: "org/name",
      encoding: "form",
      start: 10,
      end: 20,
      isTopLevel: true,
    });
  });

  test("is none where the body is JSON after all", () => {
    expect(inspect(encode('{"model":"a","x":"&model=b"}'), false, form).model).toBe("a");
  });

  test("is not looked for in a body of another type", () => {
    expect(inspect(encode("model=a"), false, typed("text/plain")).model).toBeUndefined();
  });
});

describe("a request without a body", () => {
  const open = (upstreamPath: string, query: string) =>
    inspectRequest(
      { request: new Request("http://olla.invalid/"), upstreamPath, query },
      { bytes: undefined, plain: undefined },
      false,
    ).model;

  test("names the model of a realtime session in its query", () => {
    expect(open("/v1/realtime", "?intent=transcription&model=gpt%2Fx")).toBe("gpt/x");
    expect(open("/v1/realtime", "")).toBeUndefined();
    expect(open("/v1/realtime", "?model=")).toBeUndefined();
  });

  test("names no model in the query of another path", () => {
    expect(open("/v1/videos", "?model=a")).toBeUndefined();
  });
});

test("a compressed body is read by what it says, and kept as it came", () => {
  const plain = encode('{"model":"a"}');
  const bytes = Bun.gzipSync(plain);
  const request = new Request("http://olla.invalid/", { method: "POST" });
  const inspected = inspectRequest(
    { request, upstreamPath: "/v1/embeddings", query: "" },
    { bytes, plain },
    false,
  );
  expect(inspected.model).toBe("a");
  expect(inspected.body).toBe(plain);
  expect(inspected.compressed).toBe(bytes);
});
