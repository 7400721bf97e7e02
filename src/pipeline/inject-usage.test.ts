import { expect, test } from "bun:test";
import fc from "fast-check";
import { askForUsage } from "./inject-usage.ts";

function ask(text: string): string | undefined {
  const asked = askForUsage(Buffer.from(text));
  return asked === undefined ? undefined : Buffer.from(asked).toString();
}

test("a stream without options gets them behind its last member, and the rest stays as it is", () => {
  expect(ask(' { "model" : "m",\n "stream": true } \n')).toBe(
    ' { "model" : "m",\n "stream": true ,"stream_options":{"include_usage":true}} \n',
  );
});

test.each([
  ["{}", '{"include_usage":true}'],
  ["{ }", '{"include_usage":true }'],
  ['{"include_obfuscation":false}', '{"include_usage":true,"include_obfuscation":false}'],
  ["null", '{"include_usage":true}'],
])("options %s become %s", (options, expected) => {
  const body = (value: string) => `{"stream_options":${value},"stream":true}`;
  expect(ask(body(options))).toBe(body(expected));
});

test.each([
  ['{"stream":true,"stream_options":{"include_usage":true}}', "asked for"],
  ['{"stream":true,"stream_options":{"include_usage":false}}', "not wanted"],
  ['{"stream":true,"stream_options":{"include_\\u0075sage":false}}', "not wanted, in other letters"],
  ['{"stream":true,"stream_options":"yes"}', "wrong, and not ours to judge"],
  ['{"stream":false}', "no stream"],
  ['{"stream":true,"stream":false}', "no stream in the end"],
  ['{"options":{"stream":true}}', "no stream at the top"],
  ['{"stream":true', "no complete object"],
  ['{"stream":true} x', "something behind the object"],
  ['[{"stream":true}]', "no object"],
  ["", "nothing"],
])("%s is left alone: %s", (body) => {
  expect(ask(body)).toBeUndefined();
});

test("whatever else a body says, it says it still", () => {
  const members = fc.dictionary(
    fc.string().filter((key) => !["stream", "stream_options", "__proto__"].includes(key)),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(members, fc.nat(3), (rest, indent) => {
      const asked = ask(JSON.stringify({ ...rest, stream: true }, null, indent));
      expect(JSON.parse(asked ?? "")).toEqual({
        ...JSON.parse(JSON.stringify(rest)),
        stream: true,
        stream_options: { include_usage: true },
      });
    }),
  );
});
