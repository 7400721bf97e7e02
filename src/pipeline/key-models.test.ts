import { expect, test } from "bun:test";
import fc from "fast-check";
import { OllaError } from "../errors.ts";
import { compileGlobs } from "../lib/glob.ts";
import type { ClientKey } from "./client-key.ts";
import { inspect } from "./inspect.ts";
import { isUnbound, refuseModel, withoutSuggestions } from "./key-models.ts";

function keyFor(...models: string[]): ClientKey {
  return { name: "k", admitsModel: compileGlobs({ include: models }), priority: 0, isLocalOnly: false };
}

function refusalOf(
  body: string,
  contentType = "application/json",
  key = keyFor("llama*"),
): string | undefined {
  const headers = new Headers({ "content-type": contentType });
  return refuseModel(key, inspect(new TextEncoder().encode(body), false, headers))?.code;
}

const form = "application/x-www-form-urlencoded";
const multipart = (...fields: [string, string][]) =>
  `${fields.map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join("")}--b--\r\n`;

test.each<[string, string, string?]>([
  ['{"model":"llama3"}', "application/json"],
  ['{"stream":true,"model":" LLAMA3 ","messages":[{"model":"hidden"}]}', form],
  ['{"model":"llama3","models":null}', "application/json"],
  ["model=llama3&x=1", form],
  [multipart(["model", "llama3"], ["file", "model=hidden"]), "multipart/form-data; boundary=b"],
])("%p is let through", (body, contentType) => expect(refusalOf(body, contentType)).toBeUndefined());

test.each<[string, string]>([
  ["", "application/json"],
  ["{}", "application/json"],
  ["[]", "application/json"],
  ['{"model":"hidden"}', "application/json"],
  ['{"model":5}', "application/json"],
  ['{"model":"llama3","model":null}', "application/json"],
  ['{"model":"llama3","Model":"hidden"}', "application/json"],
  ['{"\\u006dodel":"hidden","model":"llama3"}', "application/json"],
  ['{"model":"llama3","models":["llama3","hidden"]}', "application/json"],
  ['{"MODELS":["hidden"],"model":"llama3"}', "application/json"],
  ['{"model":"llama3"', "application/json"],
  ['{"model":"llama3"} {"model":"hidden"}', "application/json"],
  ["model=llama3&model=llama3", form],
  ["model=llama3&%6dodel=hidden", form],
  [multipart(["model", "hidden"], ["model", "llama3"]), "multipart/form-data; boundary=b"],
])("%p is refused", (body, contentType) => {
  expect(refusalOf(body, contentType)).toBe("model_not_allowed");
});

test("a key that is bound to nothing is asked nothing", () => {
  for (const key of [keyFor(), keyFor("*")]) {
    expect(isUnbound(key)).toBe(true);
    expect(refusalOf("whatever", "text/plain", key)).toBeUndefined();
  }
  expect(isUnbound(keyFor("llama*"))).toBe(false);
});

test("whatever is let through is, for a parser that takes the first name, the last, or any case, a name that is admitted", () => {
  const name = fc.constantFrom("model", "Model", "MODEL", "mod\\u0065l", "x");
  const value = fc.constantFrom('"llama3"', '"hidden"', "null", "1", '{"model":"hidden"}');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 5 }), (members) => {
      const body = `{${members.map(([key, json]) => `"${key}":${json}`).join(",")}}`;
      if (refusalOf(body) !== undefined) return;
      const named = members.filter(([key]) => key.replace("\\u0065", "e").toLowerCase() === "model");
      expect(named.map(([, json]) => json)).toEqual(['"llama3"']);
    }),
  );
});

test("what is not found is not found without names that are like it", () => {
  const told = { error: new OllaError("model_not_found", "no; did you mean hidden?"), decision: undefined };
  expect(withoutSuggestions(told, "hiden").error.message).toBe('model "hiden" not found');
  const other = { error: new OllaError("no_healthy_endpoints", "none"), decision: undefined };
  expect(withoutSuggestions(other, "x")).toBe(other);
});
