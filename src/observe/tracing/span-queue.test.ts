import { expect, test } from "bun:test";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { decodeSpans } from "../../../test/support/otlp-decoder.ts";
import { createEnvelope } from "./envelope.ts";
import { type SpanBatch, SpanQueue } from "./span-queue.ts";
import type { SpanWriter } from "./span-writer.ts";

const envelope = createEnvelope({ resource: [["service.name", "olla"]], version: "1", schemaUrl: "" });

/** A queue whose deliveries end when the test says so. */
function createQueue(limits: { batch?: number; queued?: number } = {}) {
  const clock = createFakeClock();
  const sent: SpanBatch[] = [];
  const ends: (() => void)[] = [];
  let lost = 0;
  const queue = new SpanQueue({
    clock,
    envelope,
    maxBatchSpans: limits.batch ?? 4,
    maxQueuedSpans: limits.queued ?? 10,
    delayMs: 5000,
    send(batch) {
      sent.push(batch);
      return new Promise((resolve) => ends.push(resolve));
    },
    onOverflow: (spans) => {
      lost += spans;
    },
  });
  const end = async () => {
    ends.shift()?.();
    await clock.settle();
  };
  return { clock, queue, sent, end, lost: () => lost };
}

function write(writer: SpanWriter): void {
  const began = writer.beginSpan();
  writer.text(0x2a, "a span");
  writer.endSpan(began);
}

function add(queue: SpanQueue, times: number): void {
  for (let time = 0; time < times; time += 1) queue.add(1, write);
}

test("spans wait for others, and go when their time is up", () => {
  const { clock, queue, sent } = createQueue();
  add(queue, 1);
  clock.advance(4999);
  add(queue, 1);
  expect(sent).toEqual([]);
  clock.advance(1);
  expect(sent.map(({ spans }) => spans)).toEqual([2]);
});

test("a full batch does not wait", () => {
  const { queue, sent, clock } = createQueue();
  add(queue, 4);
  expect(sent.map(({ spans }) => spans)).toEqual([4]);
  expect(clock.pendingTimers()).toBe(0);
});

test("while nothing waits no timer runs", async () => {
  const { clock, queue, end } = createQueue();
  expect(clock.pendingTimers()).toBe(0);
  add(queue, 1);
  expect(clock.pendingTimers()).toBe(1);
  clock.advance(5000);
  await end();
  expect([clock.pendingTimers(), queue.size]).toEqual([0, 0]);
});

test("one batch is under way at a time, and what came meanwhile goes after it", async () => {
  const { clock, queue, sent, end } = createQueue();
  add(queue, 4);
  add(queue, 5);
  clock.advance(60_000);
  expect(sent).toHaveLength(1);
  await end();
  expect(sent.map(({ spans }) => spans)).toEqual([4, 4]);
  await end();
  expect(sent.map(({ spans }) => spans)).toEqual([4, 4, 1]);
  await end();
  expect(queue.size).toBe(0);
});

test("what finds no room is lost and counted, and the queue stays at its bound", () => {
  const { queue, sent, lost } = createQueue();
  add(queue, 1000);
  expect([queue.size, lost(), sent.length]).toEqual([10, 990, 1]);
});

test("a request whose spans do not all fit is lost as a whole", () => {
  const { queue, lost } = createQueue({ batch: 100, queued: 10 });
  queue.add(8, write);
  queue.add(3, write);
  expect([queue.size, lost()]).toEqual([8, 3]);
});

test("spans with huge texts do not take more memory than usual ones", () => {
  const { queue, lost } = createQueue({ batch: 1_000_000, queued: 1_000_000 });
  const text = "x".repeat(100_000);
  for (let time = 0; time < 1000; time += 1) queue.add(1, (writer) => writer.text(0x2a, text));
  expect(queue.size).toBeLessThan(45 + 64);
  expect(lost()).toBe(1000 - queue.size);
});

test("flush sends everything, and discard forgets what is left", async () => {
  const { clock, queue, sent, end } = createQueue();
  add(queue, 5);
  let isFlushed = false;
  const flushed = queue.flush().then(() => {
    isFlushed = true;
  });
  await end();
  expect([sent.map(({ spans }) => spans), isFlushed]).toEqual([[4, 1], false]);
  await end();
  await flushed;
  add(queue, 6);
  expect([queue.discard(), queue.size, clock.pendingTimers()]).toEqual([6, 0, 0]);
  await end();
  expect(sent).toHaveLength(3);
  add(queue, 4);
  expect(sent).toHaveLength(4);
});

test("a batch stays as it was while others are written, also where memory is used again", async () => {
  const { queue, sent, end } = createQueue({ batch: 2, queued: 1_000 });
  const write = (batch: number) => {
    for (let span = 0; span < 2; span += 1) {
      queue.add(1, (writer) => {
        const began = writer.beginSpan();
        writer.text(0x2a, `batch ${batch} ${"x".repeat((batch % 3) * 500)}`);
        writer.endSpan(began);
      });
    }
  };
  // Two more are always written while one is under way.
  write(0);
  write(1);
  for (let batch = 0; batch < 12; batch += 1) {
    write(batch + 2);
    const names = decodeSpans(sent[batch]?.body ?? new Uint8Array()).map(({ name }) => name.trimEnd());
    const name = `batch ${batch} ${"x".repeat((batch % 3) * 500)}`.trimEnd();
    expect(names).toEqual([name, name]);
    await end();
  }
});
