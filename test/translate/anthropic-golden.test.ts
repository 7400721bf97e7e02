// Streams of chat completions, recorded from real servers or written by hand after others, and what a Messages client gets.
import { describe, expect, test } from "bun:test";
import { isObject } from "../../src/lib/json.ts";
import { type AnthropicEvent, checkGrammar, parseEvents, tellEvents } from "./support/anthropic-events.ts";
import { transcripts } from "./support/anthropic-transcripts.ts";
import {
  readNativeStream,
  readStreamFixture,
  streamEvents,
  streamFixtures,
} from "./support/translate-stream.ts";

test("every stream that we have has its transcript, and no transcript is left over", () => {
  expect(Object.keys(transcripts).sort()).toEqual(streamFixtures().sort());
});

describe.each(streamFixtures())("%s", (name) => {
  test("reads as agreed, in good order", async () => {
    const events = streamEvents([await readStreamFixture(name)]);
    checkGrammar(events);
    expect(tellEvents(events)).toEqual([...(transcripts[name] ?? [])]);
  });
});

/** Every member of a value, as paths; of a list those of its elements. */
function pathsOf(value: unknown, prefix = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => pathsOf(each, `${prefix}[]`));
  if (!isObject(value)) return [prefix];
  return Object.entries(value).flatMap(([name, member]) => [
    `${prefix}.${name}`,
    ...pathsOf(member, `${prefix}.${name}`),
  ]);
}

function membersByType(events: readonly AnthropicEvent[]): Map<string, Set<string>> {
  const members = new Map<string, Set<string>>();
  for (const event of events) {
    const known = members.get(event.type) ?? new Set();
    for (const path of pathsOf(event)) known.add(path);
    members.set(event.type, known);
  }
  return members;
}

describe.each(["llama-server-b10488", "llama-server-b10488-router", "ollama-0.32.15"])(
  "%s, which knows the Messages API itself",
  (server) => {
    test("says nothing in its own stream that ours leaves out, event by event", async () => {
      const native = parseEvents((await readNativeStream(server)).trimEnd().concat("\n\n"));
      const ours = streamEvents([await readStreamFixture(server)]);
      expect(ours.map(({ type }) => type)).toEqual(native.map(({ type }) => type));
      const ourMembers = membersByType(ours);
      for (const [type, theirs] of membersByType(native)) {
        const missing = [...theirs].filter((path) => ourMembers.get(type)?.has(path) !== true);
        expect({ type, missing }).toEqual({ type, missing: [] });
      }
    });

    test("counts the same tokens in both", async () => {
      const native = parseEvents((await readNativeStream(server)).trimEnd().concat("\n\n"));
      const ours = streamEvents([await readStreamFixture(server)]);
      const usageOf = (events: readonly AnthropicEvent[]) =>
        events.find(({ type }) => type === "message_delta")?.usage;
      expect(usageOf(ours)).toMatchObject(usageOf(native) ?? {});
    });
  },
);
