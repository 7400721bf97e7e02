import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Member, WildWriter } from "../../test/support/wild-json.ts";
import { notAnObject, scanBody } from "./body-scan.ts";
import { type BodyChange, createBodyRewriter } from "./rewrite-body.ts";

const rewriter = createBodyRewriter();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function rewrite(text: string, change: BodyChange): string {
  const body = encode(text);
  return decoder.decode(rewriter(body, scanBody(body), change));
}

describe("the model", () => {
  test.each([
    ["plain", '{"model":"old","n":1}', '{"model":"new","n":1}'],
    [
      "with space and a byte order mark",
      '\ufeff {\n "n" : 1 ,\t"model" : "old" }\r\n',
      '\ufeff {\n "n" : 1 ,\t"model" : "new" }\r\n',
    ],
    ["with an escaped key and value", '{"mod\\u0065l":"\\u006fld"}', '{"mod\\u0065l":"new"}'],
    ["spelled with capitals, as Go takes it", '{"Model":"old"}', '{"Model":"new"}'],
    ["twice", '{"model":"first","n":1,"model":"old"}', '{"model":"new","n":1,"model":"new"}'],
    ["in two spellings", '{"MODEL":"other","model":"old"}', '{"MODEL":"new","model":"new"}'],
    ["beside one that is no text", '{"Model":7,"model":"old"}', '{"Model":7,"model":"new"}'],
    ["deeper down, too", '{"model":"old","x":{"model":"old"}}', '{"model":"new","x":{"model":"old"}}'],
  ])("%s", (_, before, after) => {
    expect(rewrite(before, { model: "new" })).toBe(after);
  });

  test("is written as JSON, whatever it is", () => {
    expect(rewrite('{"model":"old"}', { model: 'a"\\\n\u2028é' })).toBe(
      `{"model":${JSON.stringify('a"\\\n\u2028é')}}`,
    );
  });
});

describe("defaults", () => {
  test.each([
    ["come first", '{"n":1}', '{"a":1,"b":{"c":[2]},"n":1}'],
    ["come alone into an empty object", " { } ", ' {"a":1,"b":{"c":[2]} } '],
    ["are not added where the client has set them", '{"a":5}', '{"b":{"c":[2]},"a":5}'],
    ["take null for an answer", '{"a":null,"b":null}', '{"a":null,"b":null}'],
    ["know escaped keys", '{"\\u0061":5}', '{"b":{"c":[2]},"\\u0061":5}'],
    ["know keys with other capitals", '{"A":5}', '{"b":{"c":[2]},"A":5}'],
    ["look at the top level only", '{"n":{"a":5}}', '{"a":1,"b":{"c":[2]},"n":{"a":5}}'],
  ])("%s", (_, before, after) => {
    expect(rewrite(before, { defaults: { a: 1, b: { c: [2] } } })).toBe(after);
  });

  test("go with a new model, before and behind it", () => {
    const change = { model: "new", defaults: { a: 1 } };
    expect(rewrite('\ufeff{"n":1,"model":"old"}', change)).toBe('\ufeff{"a":1,"n":1,"model":"new"}');
  });

  test("that JSON has no word for are left out", () => {
    expect(rewrite('{"n":1}', { defaults: { a: undefined } })).toBe('{"n":1}');
  });

  test("are written as JSON once for each record, however many requests they go into", () => {
    let reads = 0;
    const value = { toJSON: () => (reads += 1) };
    const defaults = { value };
    for (let request = 0; request < 3; request++) expect(rewrite("{}", { defaults })).toBe('{"value":1}');
    expect(reads).toBe(1);
  });
});

describe("what is left alone", () => {
  test.each([
    [""],
    ["[]"],
    ["null"],
    ['"model"'],
    ['{"model":"old"'],
    ['{"model":"old",}'],
    ['{"model":"old"} x'],
    ['{"model":"old"}{"model":"old"}'],
    ["model=old&n=1"],
  ])("%p is no complete object", (text) => {
    const body = encode(text);
    expect(rewriter(body, scanBody(body), { model: "new", defaults: { a: 1 } })).toBe(body);
  });

  test("a body that has nothing to change stays the same bytes in the same place", () => {
    for (const text of ['{"n":1}', '{"model":7}', '{"messages":[{"model":"old"}]}']) {
      const body = encode(text);
      expect(rewriter(body, scanBody(body), { model: "new" })).toBe(body);
    }
    const body = encode('{"model":"old","a":1}');
    expect(rewriter(body, scanBody(body), {})).toBe(body);
    expect(rewriter(body, scanBody(body), { defaults: { a: 2 } })).toBe(body);
  });

  test("the client's bytes are never changed, so that the next endpoint can have another name", () => {
    const body = encode('{"model":"old"}');
    const rewriteThis = (change: BodyChange) => rewriter(body, scanBody(body), change);
    expect(decoder.decode(rewriteThis({ model: "a" }))).toBe('{"model":"a"}');
    expect(decoder.decode(rewriteThis({ model: "longer" }))).toBe('{"model":"longer"}');
    expect(decoder.decode(body)).toBe('{"model":"old"}');
  });
});

describe("forms", () => {
  const form = (text: string, encoding: "text" | "form", change: BodyChange) => {
    const body = encode(text);
    const start = text.indexOf("old");
    const model = { value: "old", encoding, start, end: start + 3, isTopLevel: true };
    return decoder.decode(rewriter(body, { ...notAnObject, model }, change));
  };

  test("a part of a multipart body gets the name as it is", () => {
    expect(form("--x\r\n\r\nold\r\n--x--", "text", { model: 'a "b"/é' })).toBe('--x\r\n\r\na "b"/é\r\n--x--');
  });

  test("a name cannot begin a part of its own", () => {
    expect(form("--x\r\n\r\nold\r\n--x--", "text", { model: "a\r\n--x" })).toBe("--x\r\n\r\nold\r\n--x--");
  });

  test("a form field gets it percent-encoded", () => {
    expect(form("n=1&model=old&m=2", "form", { model: "a b&c" })).toBe("n=1&model=a%20b%26c&m=2");
  });

  test("defaults are for JSON only", () => {
    expect(form("model=old", "form", { defaults: { a: 1 } })).toBe("model=old");
  });
});

const anyText = fc.string({ unit: "grapheme", maxLength: 20 });
const anyJson = fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" });
const keys = ["model", "Model", "temperature", "TEMPERATURE", "stop", "options", "n"] as const;
const member: fc.Arbitrary<Member> = fc.tuple(
  fc.oneof(fc.constantFrom(...keys), anyText),
  fc.oneof(anyText, anyJson),
);
const anyBody = fc
  .tuple(fc.array(member, { maxLength: 8 }), fc.array(fc.nat(29), { minLength: 1, maxLength: 40 }))
  .map(([members, choices]) => ({ members, text: new WildWriter(choices).object(members) }));
const anyDefaults = fc.dictionary(fc.constantFrom("temperature", "stop", "options", "top_k"), anyJson, {
  noNullPrototype: true,
});

describe("against JSON.parse", () => {
  test("the new body says what the old one said, but for the model and what was not set", () => {
    fc.assert(
      fc.property(anyBody, anyText, anyDefaults, ({ members, text }, model, defaults) => {
        const isSet = (key: string) => members.some(([name]) => name.toLowerCase() === key);
        const hasModel = scanBody(encode(text)).model?.isTopLevel === true;
        const isModel = ([key, value]: Member) => key.toLowerCase() === "model" && typeof value === "string";
        const expected = [
          ...Object.entries(defaults).filter(([key]) => !isSet(key)),
          ...members.map((each): Member => (hasModel && isModel(each) ? [each[0], model] : each)),
        ];
        const rewritten = rewrite(text, { model, defaults });
        expect(JSON.parse(rewritten)).toEqual(JSON.parse(new WildWriter([0]).object(expected)));
      }),
      { numRuns: 1000 },
    );
  });

  test("outside the model every byte stays as it was", () => {
    fc.assert(
      fc.property(anyBody, anyText, ({ text }, model) => {
        const body = encode(text);
        const scan = scanBody(body);
        fc.pre(scan.model?.isTopLevel === true && !scan.hasRivalModels);
        const { start = 0, end = 0 } = scan.model ?? {};
        expect(rewrite(text, { model })).toBe(
          decoder.decode(body.subarray(0, start)) +
            JSON.stringify(model) +
            decoder.decode(body.subarray(end)),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes at all are survived", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        const body = new Uint8Array([0x7b, ...noise]);
        expect(() => rewriter(body, scanBody(body), { model: "a", defaults: { n: 1 } })).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

test("a body of 50 MiB that says model a million times is rewritten, too", () => {
  const count = 1_000_000;
  const body = encode(`{"pad":"${"x".repeat(35 * 1024 * 1024)}"${',"model":"old"'.repeat(count)}}`);
  const rewritten = rewriter(body, scanBody(body), { model: "newer", defaults: { n: 1 } });
  expect(rewritten.byteLength).toBe(body.byteLength + 2 * count + '"n":1,'.length);
  expect(scanBody(rewritten).isComplete).toBe(true);
  expect(scanBody(rewritten).model?.value).toBe("newer");
});
