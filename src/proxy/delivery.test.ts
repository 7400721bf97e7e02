import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { chooseDelivery, createWriteShaper, type Delivery, writeLimitBytes } from "./delivery.ts";

describe("chooseDelivery", () => {
  test("the modes `standard` and `streaming` ask nothing else", () => {
    const events = { contentType: "text/event-stream", wantsStream: true };
    const image = { contentType: "image/png", wantsStream: false };
    expect(chooseDelivery({ mode: "standard", ...events })).toBe("coalesce");
    expect(chooseDelivery({ mode: "streaming", ...image })).toBe("stream");
  });

  test.each([
    ["text/event-stream", "stream"],
    ["Text/Event-Stream; charset=utf-8", "stream"],
    ["application/x-ndjson", "stream"],
    ["application/stream+json", "stream"],
    ["application/json-seq", "stream"],
    ["text/plain; charset=utf-8", "stream"],
    ["text/plain", "stream"],
    ["application/json", "stream"],
    ["", "stream"],
    [null, "stream"],
    ["IMAGE/PNG", "coalesce"],
    ["video/mp4", "coalesce"],
    ["audio/mpeg", "coalesce"],
    ["font/woff2", "coalesce"],
    ["model/gltf+json", "coalesce"],
    ["application/pdf", "coalesce"],
    ["application/zip", "coalesce"],
    ["application/gzip", "coalesce"],
    ["application/x-tar", "coalesce"],
    ["application/x-rar-compressed", "coalesce"],
    ["application/x-7z-compressed", "coalesce"],
    ["application/octet-stream", "coalesce"],
    ["x; application/octet-stream", "coalesce"],
    ["x; image/png", "stream"],
    ["application/vnd.ms-excel", "coalesce"],
    ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "coalesce"],
    ["application/msword", "coalesce"],
    ["application/vnd.ms-powerpoint", "coalesce"],
  ] as const)("in `auto` %j goes out as %s", (contentType, expected) => {
    expect(chooseDelivery({ mode: "auto", contentType, wantsStream: false })).toBe(expected);
  });

  test("in `auto` a client that asked for a stream gets one, of files too", () => {
    expect(chooseDelivery({ mode: "auto", contentType: "audio/mpeg", wantsStream: true })).toBe("stream");
  });
});

/** What is written while these chunks are read one after the other; "|" marks the end of the body. */
function write(delivery: Delivery, maxBytes: number, chunks: readonly string[]): string[] {
  const shaper = createWriteShaper(delivery, maxBytes);
  const written: string[] = [];
  const drain = () => {
    for (let piece = shaper.next(); piece !== undefined; piece = shaper.next()) {
      written.push(Buffer.from(piece).toString());
    }
  };
  for (const chunk of chunks) {
    shaper.push(Buffer.from(chunk));
    drain();
  }
  written.push("|");
  shaper.end();
  drain();
  return written;
}

describe("streamed writes", () => {
  test("go out as they come", () => {
    expect(write("stream", 4, ["a", "bc", "", "defg"])).toEqual(["a", "bc", "defg", "|"]);
  });

  test("are never larger than the limit", () => {
    expect(write("stream", 4, ["abcdefghi"])).toEqual(["abcd", "efgh", "i", "|"]);
  });
});

describe("coalesced writes", () => {
  test("wait until the threshold is reached, or for the end", () => {
    expect(write("coalesce", 4, ["a", "b", "cde", "f"])).toEqual(["abcd", "|", "ef"]);
  });

  test("of a large chunk are as large as the threshold", () => {
    expect(write("coalesce", 4, ["abcdefgh", "ijklmnopqr"])).toEqual([
      "abcd",
      "efgh",
      "ijkl",
      "mnop",
      "|",
      "qr",
    ]);
  });

  test("of nothing are none", () => {
    expect(write("coalesce", 4, ["", ""])).toEqual(["|"]);
  });

  test("that were handed out never change afterwards", () => {
    const shaper = createWriteShaper("coalesce", 4);
    shaper.push(Buffer.from("ab"));
    expect(shaper.next()).toBeUndefined();
    shaper.push(Buffer.from("cdef"));
    const first = shaper.next() ?? new Uint8Array();
    expect(shaper.next()).toBeUndefined();
    shaper.push(Buffer.from("ghij"));
    shaper.next();
    expect(Buffer.from(first).toString()).toBe("abcd");
  });
});

test("whatever the delivery, the bytes are the same, and no write is too large or empty", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Delivery>("stream", "coalesce"),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.stringMatching(/^[a-z]{0,30}$/)),
      (delivery, maxBytes, chunks) => {
        const written = write(delivery, maxBytes, chunks);
        expect(written.join("").replace("|", "")).toBe(chunks.join(""));
        for (const piece of written.filter((each) => each !== "|")) {
          expect(piece.length).toBeGreaterThan(0);
          expect(piece.length).toBeLessThanOrEqual(maxBytes);
        }
        const beforeEnd = written.slice(0, written.indexOf("|"));
        if (delivery === "coalesce") expect(beforeEnd.every((piece) => piece.length === maxBytes)).toBe(true);
      },
    ),
  );
});

test("a buffer size of 0 is the engine's own, any other is held to what is sensible", () => {
  const eightKiB = 8 * 1024;
  expect(writeLimitBytes(0, eightKiB)).toBe(eightKiB);
  expect(writeLimitBytes(16 * 1024, eightKiB)).toBe(16 * 1024);
  expect(writeLimitBytes(1, eightKiB)).toBe(2 * 1024);
  expect(writeLimitBytes(1 << 20, eightKiB)).toBe(64 * 1024);
});
