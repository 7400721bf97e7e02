import { expect, test } from "bun:test";
import { inspect } from "./inspect.ts";

const encode = (text: string) => new TextEncoder().encode(text);

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
    scan: undefined,
  });
});

test("a body that is no JSON object is passed on unjudged", () => {
  const body = encode("--boundary\r\nContent-Disposition: form-data");
  expect(inspect(body)).toMatchObject({ model: undefined, wantsStream: false, body });
});
