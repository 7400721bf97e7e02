// The socket cases cut recorded streams at some offsets; this cuts them at all, through the parts that decide.
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import type { UpstreamAnswer } from "../../src/proxy/attempt.ts";
import { createWriteShaper } from "../../src/proxy/delivery.ts";
import { type ChunkReader, readUntilContent } from "../../src/proxy/first-content.ts";
import { relayStream } from "../../src/proxy/relay.ts";
import { createStreamWatch } from "../../src/proxy/stream-watch.ts";
import { dialectOf } from "../../src/server/dialect-of.ts";
import { renderStreamError } from "../../src/server/render-error.ts";
import { sampleEndpoint } from "../endpoints/endpoint-samples.ts";
import { toBytes } from "../support/bytes.ts";
import { loadRecording, type Recording } from "../support/wire-recording.ts";
import { judgeCut, type Received, type RecordedStream, recordedStreams } from "./engine/cut-judge.ts";

type Ending = "end" | "truncate";

/** Bytes in pieces, and then an end in good order or a broken connection. */
function readerOf(bytes: Uint8Array, pieceLength: number, ending: Ending): ChunkReader {
  let at = 0;
  return {
    async read() {
      if (at < bytes.length) {
        const value = bytes.subarray(at, at + pieceLength);
        at += pieceLength;
        return { done: false, value };
      }
      if (ending === "end") return { done: true };
      throw Object.assign(new TypeError("gone"), { code: "ECONNRESET" });
    },
  };
}

function sampleAnswer(): UpstreamAnswer {
  return {
    endpoint: sampleEndpoint({ name: "one" }),
    response: new Response(null),
    startedAt: 0,
    headAt: 0,
    signal: new AbortController().signal,
    abort() {},
    noteFirstByte() {},
    detach() {},
  };
}

const ended: ChunkReader = { read: () => Promise.resolve({ done: true }) };

/** The way of an answer for which no other endpoint is left: look at its beginning, then relay it. */
async function relayCut(
  stream: RecordedStream,
  contentType: string,
  reader: ChunkReader,
  delivery: "stream" | "coalesce",
): Promise<Received> {
  const path = stream.path.replace(/^\/olla\/(proxy|ollama)/, "");
  const watch = createStreamWatch({ status: 200, contentType, contentEncoding: null, path });
  if (watch === undefined) throw new Error("not a stream");
  let body: { reader: ChunkReader; chunks: readonly Uint8Array[] };
  try {
    const beginning = await readUntilContent(reader, watch);
    body = { reader: beginning.kind === "content" ? reader : ended, chunks: beginning.chunks };
  } catch {
    // An attempt without an answer is an error answer of ours.
    return { status: 502, text: '{"error":{}}', isBroken: false };
  }
  const relayed = relayStream(
    sampleAnswer(),
    { ...body, watch, shaper: createWriteShaper(delivery, 4096) },
    {
      clock: systemClock,
      firstByteMs: 0,
      silenceMs: 0,
      keepalive: undefined,
      renderError: (error, lastByte) => renderStreamError(error, contentType, dialectOf(path), lastByte),
      onEnd() {},
    },
  );
  return { status: 200, text: await new Response(relayed).text(), isBroken: false };
}

function typeOf({ headers }: Recording): string {
  return headers.find(([name]) => /^content-type$/i.test(name))?.[1] ?? "";
}

describe("a recorded stream that is cut never looks finished", () => {
  for (const stream of recordedStreams) {
    for (const ending of ["end", "truncate"] as const) {
      test(`${stream.server}'s ${stream.name}, at every byte (${ending})`, async () => {
        const recording = await loadRecording(stream.server, stream.name);
        const whole = toBytes(recording.body);
        const decoder = new TextDecoder();
        const wrong: unknown[] = [];
        for (let offset = 0; offset < whole.length; offset += 1) {
          const sent = whole.subarray(0, offset);
          const pieceLength = [1, 7, 64, whole.length][offset % 4] ?? 1;
          const delivery = offset % 3 === 0 ? "coalesce" : "stream";
          const reader = readerOf(sent, pieceLength, ending);
          const got = await relayCut(stream, typeOf(recording), reader, delivery);
          const verdict = judgeCut(stream, decoder.decode(sent), got, ending);
          if (verdict !== "honest") wrong.push([offset, verdict, got.text.slice(-200)]);
        }
        expect(wrong).toEqual([]);
      }, 30_000);
    }
  }
});
