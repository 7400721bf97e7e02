import { describe, expect, test } from "bun:test";
import { type ChunkReader, readUntilContent } from "./first-content.ts";
import { createStreamWatch, judgeEnd, type StreamWatch } from "./stream-watch.ts";

const encoder = new TextEncoder();
const role = 'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n';
const word = 'data: {"choices":[{"delta":{"content":"x"}}]}\n\n';
const failure = 'data: {"error":{"message":"no memory","code":503}}\n\n';

function chatWatch(path = "/v1/chat/completions"): StreamWatch {
  const watch = createStreamWatch({
    status: 200,
    contentType: "text/event-stream",
    contentEncoding: null,
    path,
  });
  if (watch === undefined) throw new Error("not watched");
  return watch;
}

/** Gives the pieces, then the end, and counts how often it was asked. */
function readerOf(...pieces: string[]): ChunkReader & { reads(): number } {
  let reads = 0;
  return {
    reads: () => reads,
    async read() {
      const piece = pieces[reads++];
      return piece === undefined ? { done: true } : { done: false, value: encoder.encode(piece) };
    },
  };
}

function textOf(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString();
}

describe("readUntilContent", () => {
  test("stops at the piece with the first content and hands back all that was read", async () => {
    const reader = readerOf(role, word.slice(0, 9), word.slice(9), word);
    const beginning = await readUntilContent(reader, chatWatch());
    expect(beginning.kind).toBe("content");
    expect(textOf(beginning.chunks)).toBe(role + word);
    expect(reader.reads()).toBe(3);
  });

  test("reads nothing of a stream whose kind it doesn't know", async () => {
    const reader = readerOf(word);
    expect(await readUntilContent(reader, chatWatch("/events"))).toEqual({ kind: "content", chunks: [] });
    expect(reader.reads()).toBe(0);
  });

  test("an error event first is an error, with the endpoint's words and status", async () => {
    const beginning = await readUntilContent(readerOf(role, failure), chatWatch());
    expect(beginning).toMatchObject({ kind: "error", message: "no memory", status: 503 });
    expect(textOf(beginning.chunks)).toBe(role + failure);
  });

  test("an error in the last line without a line end is one, too", async () => {
    expect((await readUntilContent(readerOf(failure.trimEnd()), chatWatch())).kind).toBe("error");
  });

  test("an error behind content in one piece comes too late", async () => {
    expect((await readUntilContent(readerOf(word + failure), chatWatch())).kind).toBe("content");
  });

  test.each([
    ["nothing", [], "empty"],
    ["comments only", [": hello\n\n"], "empty"],
    ["a piece of an event", [role.slice(0, 20)], "empty"],
    ["a role", [role], "ended"],
    ["a role and a piece of content", [role, word.slice(0, -10)], "ended"],
    ["a finish without content", ['data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'], "content"],
  ] as const)("a body of %s ends as %j %s", async (_name, pieces, kind) => {
    const watch = chatWatch();
    const beginning = await readUntilContent(readerOf(...pieces), watch);
    expect(beginning.kind).toBe(kind);
    expect(textOf(beginning.chunks)).toBe(pieces.join(""));
    expect(judgeEnd(watch)).toBe(kind === "content" ? "complete" : "cut");
  });

  test("gives up after so many events, or so many bytes, and goes on watching", async () => {
    const roles = Array.from({ length: 100 }, () => role);
    const byEvents = readerOf(...roles);
    const watch = chatWatch();
    expect((await readUntilContent(byEvents, watch)).kind).toBe("content");
    expect(byEvents.reads()).toBe(64);
    expect(watch.hasContent).toBe(true);
    expect(judgeEnd(watch)).toBe("cut");

    const byBytes = readerOf(...roles);
    const limits = { maxEvents: 64, maxBytes: role.length * 3 };
    expect((await readUntilContent(byBytes, chatWatch(), limits)).kind).toBe("content");
    expect(byBytes.reads()).toBe(3);
  });

  test("fails as the reader fails", async () => {
    const reset = new Error("reset");
    const reader: ChunkReader = { read: () => Promise.reject(reset) };
    await expect(readUntilContent(reader, chatWatch())).rejects.toBe(reset);
  });
});
