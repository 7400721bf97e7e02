import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Member, WildWriter } from "../../test/support/wild-json.ts";
import { scanBody } from "./body-scan.ts";

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function modelOf(text: string): string | undefined {
  return scanBody(encode(text)).model?.value;
}

function lastString(members: readonly Member[], isWanted: (key: string) => boolean): string | undefined {
  const values = members.filter(([key]) => isWanted(key)).map(([, value]) => value);
  return values.findLast((value) => typeof value === "string") as string | undefined;
}

/** What the scan must find, out of what `JSON.parse` makes of the text. */
function expectedModel(text: string, members: readonly Member[]): string | undefined {
  const parsed = JSON.parse(text) as { model?: unknown; messages?: unknown };
  if (typeof parsed.model === "string") return parsed.model;
  const other = lastString(members, (key) => key !== "model" && key.toLowerCase() === "model");
  if (other !== undefined) return other;
  const first: unknown = Array.isArray(parsed.messages) ? parsed.messages[0] : undefined;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return undefined;
  const model: unknown = Object.hasOwn(first, "model") ? (first as { model: unknown }).model : undefined;
  return typeof model === "string" ? model : undefined;
}

const anyText = fc.string({ unit: "grapheme", maxLength: 60 });
const anyJson = fc.jsonValue({ maxDepth: 4, stringUnit: "grapheme" });
const message = fc.dictionary(fc.constantFrom("model", "role", "content", "Model"), anyJson, {
  noNullPrototype: true,
});
const member: fc.Arbitrary<Member> = fc.oneof(
  fc.tuple(anyText, anyJson),
  fc.tuple(fc.constantFrom("model", "Model", "MODEL", "models", "mode"), fc.oneof(anyText, anyJson)),
  fc.tuple(fc.constant("messages"), fc.oneof(fc.array(message, { maxLength: 3 }), anyJson)),
  fc.tuple(fc.constantFrom("stream", "tools", "functions", "input", "prompt"), anyJson),
);
const document = fc
  .tuple(fc.array(member, { maxLength: 8 }), fc.array(fc.nat(29), { minLength: 1, maxLength: 40 }))
  .map(([members, choices]) => ({ members, text: new WildWriter(choices).object(members) }));

describe("against JSON.parse", () => {
  test("any object gives the same members, whatever its spelling", () => {
    fc.assert(
      fc.property(document, ({ members, text }) => {
        const parsed = JSON.parse(text) as Record<string, unknown> & { stream?: unknown };
        const scan = scanBody(encode(text));
        const isThere = (key: string) => Object.hasOwn(parsed, key) && parsed[key] !== null;
        expect(scan.isObject).toBe(true);
        expect(scan.isComplete).toBe(true);
        expect(scan.model?.value).toEqual(expectedModel(text, members));
        expect(scan.hasRivalModels).toBe(members.filter(([key]) => key.toLowerCase() === "model").length > 1);
        expect(scan.wantsStream).toBe(Object.hasOwn(parsed, "stream") && parsed.stream === true);
        expect(scan.hasTools).toBe(isThere("tools") || isThere("functions"));
        expect(scan.hasMessages).toBe(isThere("messages"));
        expect(scan.hasInput).toBe(isThere("input"));
        expect(scan.hasPrompt).toBe(isThere("prompt"));
      }),
      { numRuns: 1000 },
    );
  });

  test("the reported range is the value's own text", () => {
    fc.assert(
      fc.property(document, ({ text }) => {
        const bytes = encode(text);
        const { model } = scanBody(bytes);
        fc.pre(model !== undefined);
        const written = new TextDecoder().decode(bytes.subarray(model.start, model.end));
        expect(JSON.parse(written)).toBe(model.value);
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes at all are survived", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const { isObject } = scanBody(noise);
        expect(scanBody(new Uint8Array([0x7b, ...noise])).isObject).toBe(true);
        expect(typeof isObject).toBe("boolean");
      }),
      { numRuns: 1000 },
    );
  });

  test("changing any one byte of a document never makes the scan fail", () => {
    const bytes = encode(
      '{"messages":[{"model":"a\\n\\u00e9"}],"stream":true,"model":"b","n":[1,{"x":null}]}',
    );
    for (let at = 0; at < bytes.length; at++) {
      for (const byte of [0x00, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0xff]) {
        const changed = bytes.slice();
        changed[at] = byte;
        expect(() => scanBody(changed)).not.toThrow();
      }
    }
  });
});

describe("cut documents", () => {
  test("at every byte: the model counts from the moment its value is whole", () => {
    const text =
      ' {"a":[1,{"model":"inner"}],"mod\\u0065l" : "größe-\\ud83d\\ude00" , "stream":true , "n":12 } ';
    const bytes = encode(text);
    const whole = scanBody(bytes);
    const modelEnd = whole.model?.end ?? 0;
    expect(whole.model?.value).toBe("größe-😀");
    const lastByte = text.trimEnd().length;
    for (let length = 0; length <= bytes.length; length++) {
      const scan = scanBody(bytes.subarray(0, length));
      expect(scan.model?.value).toBe(length >= modelEnd ? "größe-😀" : undefined);
      expect(scan.isComplete).toBe(length >= encode(text.slice(0, lastByte)).length);
    }
  });

  test("a literal at the very end is not trusted, it may be half of something", () => {
    expect(scanBody(encode('{"stream":true')).wantsStream).toBe(false);
    expect(scanBody(encode('{"stream":true,')).wantsStream).toBe(true);
  });

  test("a first message that is cut names no model", () => {
    expect(modelOf('{"messages":[{"model":"a"}')).toBeUndefined();
    expect(modelOf('{"messages":[{"model":"a"}]')).toBe("a");
  });
});

describe("which model", () => {
  const cases: readonly [title: string, body: string, model: string | undefined][] = [
    ["top level", '{"model":"a"}', "a"],
    ["last member", '{"messages":[],"stream":true,"model":"a"}', "a"],
    ["the last of several, as JSON.parse", '{"model":"a","model":"b"}', "b"],
    ["the last of several, even if it is no string", '{"model":"a","model":7}', undefined],
    ["exact spelling before another case", '{"model":"a","MODEL":"b"}', "a"],
    ["another case", '{"Model":"a"}', "a"],
    ["the last of other cases, as Go servers", '{"Model":"a","MODEL":"b"}', "b"],
    ["another case when the exact one is no string", '{"model":null,"Model":"b"}', "b"],
    ["of the first message", '{"messages":[{"role":"user","model":"a"},{"model":"b"}]}', "a"],
    ["top level before the first message's", '{"messages":[{"model":"a"}],"model":"b"}', "b"],
    ["not of the second message", '{"messages":[{},{"model":"b"}]}', undefined],
    ["not of a nested object", '{"options":{"model":"a"}}', undefined],
    ["of the last messages", '{"messages":[{"model":"a"}],"messages":[{"model":"b"}]}', "b"],
    ["not within a string", '{"a":"\\",\\"model\\":\\"x"}', undefined],
    ["after a string of backslashes", '{"a":"\\\\\\\\","model":"x"}', "x"],
    ["escaped key", '{"\\u006dod\\u0065l":"a"}', "a"],
    ["escaped value", '{"model":"a\\/b\\u003ac"}', "a/b:c"],
    ["surrogate pair", '{"model":"\\ud83e\\udd99"}', "🦙"],
    ["lone surrogate", '{"model":"\\ud83e"}', "\ud83e"],
    ["non-ASCII", '{"model":"模型"}', "模型"],
    ["byte order mark and space before", '\ufeff \r\n\t{"model":"a"}', "a"],
    ["wrong escape makes no string", '{"model":"a\\x"}', undefined],
    ["raw line break makes no string", '{"model":"a\nb"}', undefined],
    ["empty", '{"model":""}', ""],
    ["object", '{"model":{"model":"a"}}', undefined],
  ];
  for (const [title, body, model] of cases) {
    test(title, () => expect(modelOf(body)).toBe(model));
  }

  test("eight levels of model keys, only the outermost counts", () => {
    let nested = '"deepest"';
    for (let level = 1; level <= 8; level++)
      nested = `{"model":${nested},"model":"at ${level}","x":[${nested}]}`;
    expect(modelOf(`{"first":${nested},"model":"outer","last":${nested}}`)).toBe("outer");
    expect(modelOf(nested)).toBe("at 8");
  });

  test("nesting of a million levels needs no stack", () => {
    const depth = 1_000_000;
    expect(modelOf(`{"a":${"[".repeat(depth)}${"]".repeat(depth)},"model":"a"}`)).toBe("a");
  });

  test("the last member of a body of 20 MiB", () => {
    const text = `{"messages":[{"role":"user","content":"${'lorem \\"ipsum\\" '.repeat(1_320_000)}"}],"model":"a"}`;
    const scan = scanBody(encode(text));
    expect(text.length).toBeGreaterThan(20 * 1024 * 1024);
    expect(scan.model?.value).toBe("a");
    expect(scan.isComplete).toBe(true);
  });

  test("a name of 16 KiB or more is nobody's model", () => {
    expect(modelOf(`{"model":"${"a".repeat(16 * 1024)}"}`)).toBeUndefined();
  });

  test("a view into a larger buffer is read within its bounds", () => {
    const padded = encode('"x"}{"model":"a"}{"model":"b"}');
    const view = padded.subarray(4, 17);
    expect(scanBody(view).model).toEqual({
      value: "a",
      encoding: "json",
      start: 9,
      end: 12,
      isTopLevel: true,
    });
    expect(scanBody(view).isComplete).toBe(true);
  });
});

describe("what is malformed", () => {
  const incomplete = [
    '{"model":"a"',
    '{"model":"a",}',
    '{"model":"a"}{"model":"b"}',
    '{"model":"a"} trailing',
    '{"model":"a" "b":1}',
    '{"model":"a",,"b":1}',
    '{"model":"a","b"}',
    '{"model":"a","b":}',
    '{"model":"a",b:1}',
    '{"model":"a","b":[1}',
  ];
  for (const body of incomplete) {
    test(`${body} is incomplete, and its whole members are reported`, () => {
      const scan = scanBody(encode(body));
      expect(scan.isComplete).toBe(false);
      expect(scan.model?.value).toBe("a");
    });
  }

  for (const body of ["", "   ", "null", "[1]", '"model"', "model=a&x={}", "<html>"]) {
    test(`${JSON.stringify(body)} is no object`, () => {
      expect(scanBody(encode(body))).toMatchObject({ isObject: false, isComplete: false, model: undefined });
    });
  }
});

describe("other members", () => {
  test("stream only when it is true", () => {
    const wants = (value: string) => scanBody(encode(`{"stream":${value}}`)).wantsStream;
    expect([
      wants("true"),
      wants(" true "),
      wants("false"),
      wants('"true"'),
      wants("1"),
      wants("null"),
    ]).toEqual([true, true, false, false, false, false]);
    expect(scanBody(encode('{"stream":true,"stream":false}')).wantsStream).toBe(false);
  });

  test("tools by any of their names, unless null", () => {
    for (const key of ["tools", "functions", "tool_choice", "function_call"]) {
      expect(scanBody(encode(`{"${key}":[]}`)).hasTools).toBe(true);
      expect(scanBody(encode(`{"${key}":null}`)).hasTools).toBe(false);
    }
  });
});
