// However the network cuts an endpoint's stream, and however the endpoint writes it, the client gets the same events.
import { describe, expect, test } from "bun:test";
import { toBytes, toText } from "../support/bytes.ts";
import {
  readStreamFixture,
  streamFixtures,
  streamText,
  withoutMadeUpIds,
} from "./support/translate-stream.ts";

function tell(pieces: Iterable<Uint8Array>): string {
  return withoutMadeUpIds(streamText(pieces));
}

function* oneByOne(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
}

const ways: readonly (readonly [name: string, write: (text: string) => string])[] = [
  ["with CRLF", (text) => text.replaceAll("\n", "\r\n")],
  ["with CR alone", (text) => text.replaceAll("\n", "\r")],
  ["without the space behind the colon", (text) => text.replace(/^(\w+): /gm, "$1:")],
  [
    "with comments between the lines",
    (text) => `: hello\n\n${text.replace(/^data/gm, ": keep-alive\ndata")}`,
  ],
  ["with a byte order mark", (text) => `\uFEFF${text}`],
  [
    "with the data on several lines",
    (text) =>
      text.replace(/^data: (\{.*\})$/gm, (_, json: string) =>
        JSON.stringify(JSON.parse(json), undefined, 1)
          .split("\n")
          .map((line) => `data: ${line}`)
          .join("\n"),
      ),
  ],
  ["with ids and times to wait", (text) => text.replace(/^data/gm, "id: 1\nretry: 100\ndata")],
];

describe.each(streamFixtures())("%s", (name) => {
  test("is the same cut in two at any byte", async () => {
    const bytes = await readStreamFixture(name);
    const whole = tell([bytes]);
    expect(whole).not.toBe("");
    for (let at = 1; at < bytes.length; at += 1) {
      const cut = tell([bytes.subarray(0, at), bytes.subarray(at)]);
      if (cut !== whole) expect({ at, cut }).toEqual({ at, cut: whole });
    }
  });

  test("is the same byte by byte", async () => {
    const bytes = await readStreamFixture(name);
    expect(tell(oneByOne(bytes))).toBe(tell([bytes]));
  });

  test.each(ways)("is the same %s, whole and byte by byte", async (_, write) => {
    const bytes = await readStreamFixture(name);
    const written = toBytes(write(toText(bytes)));
    expect(tell([written])).toBe(tell([bytes]));
    expect(tell(oneByOne(written))).toBe(tell([bytes]));
  });
});
