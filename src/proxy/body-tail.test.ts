import { expect, test } from "bun:test";
import fc from "fast-check";
import { BodyTail } from "./body-tail.ts";

const limit = 2 * 1024;

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) % 251);
}

/** Pushes the body in pieces of the given sizes, again and again. */
function pushAll(tail: BodyTail, body: Uint8Array, sizes: readonly number[]): void {
  let at = 0;
  for (let turn = 0; at < body.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    tail.push(body.subarray(at, at + size));
    at += size;
  }
}

test("of any body in any pieces, the last bytes are kept, in order", () => {
  const lengths = fc.integer({ min: 0, max: 5 * limit });
  const sizes = fc.array(fc.integer({ min: 1, max: 3 * limit }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(lengths, sizes, (length, pieces) => {
      const tail = new BodyTail(limit);
      const body = bytesOf(length);
      pushAll(tail, body, pieces);
      const kept = tail.read();
      expect(kept.isWhole).toBe(length <= limit);
      expect(Buffer.from(kept.tail).equals(body.subarray(Math.max(0, length - limit)))).toBe(true);
      expect(kept.head).toBeUndefined();
    }),
  );
});

test("64 KiB are kept where nothing else is said", () => {
  const tail = new BodyTail();
  const body = bytesOf(100_000);
  pushAll(tail, body, [130, 1, 4000, 0]);
  expect(Buffer.from(tail.read().tail).equals(body.subarray(100_000 - 65_536))).toBe(true);
});

test("nothing is known of no body, and an empty piece changes nothing", () => {
  const tail = new BodyTail();
  tail.push(new Uint8Array(0));
  expect(tail.read()).toEqual({ tail: new Uint8Array(0), isWhole: true, head: undefined });
});

test("a piece may be changed by its owner once it was pushed", () => {
  const tail = new BodyTail();
  const piece = Buffer.from("abc");
  tail.push(piece);
  piece.fill(0);
  expect(new TextDecoder().decode(tail.read().tail)).toBe("abc");
});

test.each([{ sizes: [1] }, { sizes: [7, 300] }, { sizes: [60_000] }, { sizes: [200_000] }])(
  "the beginning of a long Anthropic stream is kept too, in pieces of $sizes",
  ({ sizes }) => {
    const opening = 'event: message_start\ndata: {"type":"message_start"}\n\n';
    const body = Buffer.from(opening.padEnd(150_000, "x"));
    const tail = new BodyTail();
    pushAll(tail, body, sizes);
    const { head, isWhole } = tail.read();
    expect(isWhole).toBe(false);
    expect(new TextDecoder().decode(head)).toBe(opening.padEnd(4096, "x"));
  },
);
