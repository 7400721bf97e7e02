import { describe, expect, test } from "bun:test";
import { readUntilContent } from "../../src/proxy/first-content.ts";
import { createStreamWatch, judgeEnd, type StreamWatch } from "../../src/proxy/stream-watch.ts";
import { readWireBody } from "../models/wire-fixture.ts";
import { toBytes, toText } from "../support/bytes.ts";

interface Recording {
  readonly fixture: string;
  readonly path: string;
  readonly contentType: string;
  /** Found in the line whose end is the end of the answer. */
  readonly terminalLine: RegExp;
  /** Found in the line that has the first of the answer in it. */
  readonly contentLine: RegExp;
}

const eventStream = "text/event-stream";
const chat = {
  path: "/v1/chat/completions",
  contentType: eventStream,
  terminalLine: /"finish_reason": ?"/,
  contentLine: /"content": ?" /,
};
const messages = {
  path: "/v1/messages",
  contentType: eventStream,
  terminalLine: /^data: \{"type":"message_stop"/,
  contentLine: /"text_delta"/,
};
const responses = {
  path: "/v1/responses",
  contentType: eventStream,
  terminalLine: /^data: .*"type":"response.completed"/,
  contentLine: /^data: .*"response.output_text.delta"/,
};
const ollama = {
  contentType: "application/x-ndjson",
  terminalLine: /"done":true/,
  contentLine: /"done":false/,
};

const recordings: readonly Recording[] = [
  ...["llama-cpp-python-0.3.36", "llama-server-b10488", "llama-server-b10488-router", "ollama-0.32.15"].map(
    (server) => ({ ...chat, fixture: `${server}/post-v1-chat-completions-stream.http` }),
  ),
  ...["llama-server-b10488", "llama-server-b10488-router", "ollama-0.32.15"].flatMap((server) => [
    { ...messages, fixture: `${server}/post-v1-messages-stream.http` },
    { ...responses, fixture: `${server}/post-v1-responses-stream.http` },
  ]),
  { ...ollama, path: "/api/chat", fixture: "ollama-0.32.15/post-api-chat.http" },
  { ...ollama, path: "/api/generate", fixture: "ollama-0.32.15/post-api-generate.http" },
];

/** Line ends as a server could have written them. */
const lineEnds = { LF: "\n", "CR LF": "\r\n" };

function watchOf({ path, contentType }: Recording): StreamWatch {
  const watch = createStreamWatch({ status: 200, contentType, contentEncoding: null, path });
  if (watch === undefined) throw new Error(`${contentType} is not watched`);
  return watch;
}

function stateOf(watch: StreamWatch): object {
  const { hasContent, hasEvents, isTerminated, isAtEventBoundary, lastByte, errorEvent, eventCount } = watch;
  return { hasContent, hasEvents, isTerminated, isAtEventBoundary, lastByte, errorEvent, eventCount };
}

/** The offset just behind the first line that the pattern is found in, without its line end. */
function endOfLine(text: string, pattern: RegExp): number {
  let at = 0;
  for (const line of text.split("\n")) {
    if (pattern.test(line)) return toBytes(text.slice(0, at + line.trimEnd().length)).length;
    at += line.length + 1;
  }
  throw new Error(`no line with ${pattern}`);
}

for (const recording of recordings) {
  for (const [name, lineEnd] of Object.entries(lineEnds)) {
    describe(`${recording.fixture} with ${name}`, async () => {
      // The captures were trimmed: on the wire the last event, too, is closed by an empty line.
      const closing = recording.contentType === eventStream ? "\n\n" : "\n";
      const captured = toText(await readWireBody(recording.fixture)).trimEnd();
      const text = `${captured}${closing}`.replaceAll("\n", lineEnd);
      const body = toBytes(text);
      const contentEnd = endOfLine(text, recording.contentLine);
      const terminalEnd = endOfLine(text, recording.terminalLine);

      test("the whole answer is complete, and its content is seen", () => {
        const watch = watchOf(recording);
        watch.push(body);
        expect(stateOf(watch)).toMatchObject({ hasContent: true, isTerminated: true, errorEvent: undefined });
        expect(judgeEnd(watch)).toBe("complete");
      });

      test("its first content is seen when that event ends, and not before", () => {
        const watch = watchOf(recording);
        let seenAt: number | undefined;
        body.forEach((byte, at) => {
          watch.push(Uint8Array.of(byte));
          if (watch.hasContent) seenAt ??= at + 1;
        });
        expect(seenAt).toBeGreaterThan(contentEnd);
        expect(seenAt).toBeLessThanOrEqual(contentEnd + 2 * lineEnd.length);
      });

      test("the state after any number of bytes is the same, whole or byte by byte or in two pieces", () => {
        const byteByByte = watchOf(recording);
        for (let length = 1; length <= body.length; length += 1) {
          byteByByte.push(body.subarray(length - 1, length));
          const whole = watchOf(recording);
          whole.push(body.subarray(0, length));
          expect(stateOf(byteByByte)).toEqual(stateOf(whole));
          const inTwo = watchOf(recording);
          inTwo.push(body.subarray(0, length));
          inTwo.push(body.subarray(length));
          expect(stateOf(inTwo)).toMatchObject({ hasContent: true, isTerminated: true });
        }
      });

      test("cut at any byte before its terminal event is complete, it counts as cut", () => {
        for (let length = 0; length <= body.length; length += 1) {
          const watch = watchOf(recording);
          watch.push(body.subarray(0, length));
          expect([length, judgeEnd(watch)]).toEqual([length, length >= terminalEnd ? "complete" : "cut"]);
        }
      });

      test("cut at any byte before its first content, the endpoint has not answered", async () => {
        for (let length = 0; length < contentEnd; length += 1) {
          const pieces = length === 0 ? [] : [body.subarray(0, length)];
          const beginning = await readUntilContent(readerOf(pieces), watchOf(recording));
          expect(["empty", "ended"]).toContain(beginning.kind);
          expect(beginning.chunks).toEqual(pieces);
        }
      });
    });
  }
}

function readerOf(pieces: readonly Uint8Array[]) {
  const iterator = pieces[Symbol.iterator]();
  return {
    read: async () => {
      const next = iterator.next();
      return next.done ? { done: true as const } : { done: false as const, value: next.value };
    },
  };
}
