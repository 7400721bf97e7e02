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
      const tail = new BodyTail(false, limit);
      const body = bytesOf(length);
      pushAll(tail, body, pieces);
      const kept = tail.read();
      expect(kept.isWhole).toBe(length <= limit);
      expect(Buffer.from(kept.tail).equals(body.subarray(Math.max(0, length - limit)))).toBe(true);
      expect(kept.head).toBeUndefined();
    }),
  );
});

/** Events of random sizes, most of them small. */
const events = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 3, max: 400 }) },
    { weight: 1, arbitrary: fc.integer({ min: 3, max: 70_000 }) },
  ),
  { maxLength: 60 },
);

test("of a body made of events the last ones are kept whole, and little else, in any pieces", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(events, sizes, (lengths, pieces) => {
      const body = Buffer.concat(lengths.map((length) => Buffer.alloc(length, "x").fill("\n", length - 2)));
      const tail = new BodyTail(true);
      pushAll(tail, body, pieces);
      const kept = tail.read();
      expect(Buffer.from(kept.tail).equals(body.subarray(body.length - kept.tail.length))).toBe(true);
      expect(kept.isWhole).toBe(kept.tail.length === body.length);
      const lastEvent = lengths.at(-1) ?? 0;
      expect(kept.tail.length).toBeGreaterThanOrEqual(Math.min(body.length, 2_048, 65_536));
      expect(kept.tail.length).toBeGreaterThanOrEqual(Math.min(lastEvent, 65_536));
    }),
  );
});

test("a stream of small events that come whole keeps less than 5 KiB, however long it is", () => {
  const tail = new BodyTail(true);
  const event = Buffer.alloc(250, "x").fill("\n", 248);
  for (let count = 0; count < 10_000; count += 1) tail.push(event);
  expect(tail.read().tail.length).toBeLessThan(5 * 1024);
  expect(tail.read().isWhole).toBe(false);
});

test("the beginning of an Anthropic stream of small events is kept too", () => {
  const tail = new BodyTail(true);
  const opening = 'event: message_start\ndata: {"type":"message_start"}\n\n';
  tail.push(Buffer.from(opening));
  for (let count = 0; count < 300; count += 1)
    tail.push(Buffer.from('data: {"type":"content_block_delta"}\n\n'));
  const { head, isWhole } = tail.read();
  expect(isWhole).toBe(false);
  expect(new TextDecoder().decode(head)).toStartWith(opening);
});

test("64 KiB are kept where nothing else is said", () => {
  const tail = new BodyTail(false);
  const body = bytesOf(100_000);
  pushAll(tail, body, [130, 1, 4000, 0]);
  expect(Buffer.from(tail.read().tail).equals(body.subarray(100_000 - 65_536))).toBe(true);
});

test("nothing is known of no body, and an empty piece changes nothing", () => {
  const tail = new BodyTail(false);
  tail.push(new Uint8Array(0));
  expect(tail.read()).toEqual({ tail: new Uint8Array(0), isWhole: true, head: undefined });
});

test("a piece may be changed by its owner once it was pushed", () => {
  const tail = new BodyTail(false);
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
    const tail = new BodyTail(false);
    pushAll(tail, body, sizes);
    const { head, isWhole } = tail.read();
    expect(isWhole).toBe(false);
    expect(new TextDecoder().decode(head)).toBe(opening.padEnd(4096, "x"));
  },
);
