// Deliveries to a collector that is well, busy, broken, silent or not there.
import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { Secret } from "../../src/lib/secret.ts";
import { createEnvelope } from "../../src/observe/tracing/envelope.ts";
import { createOtlpExport, type OtlpExport } from "../../src/observe/tracing/otlp-export.ts";
import { type SpanBatch, SpanQueue } from "../../src/observe/tracing/span-queue.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A batch of so many spans. */
async function batchOf(spans: number): Promise<SpanBatch> {
  const batches: SpanBatch[] = [];
  const queue = new SpanQueue({
    clock: createFakeClock(),
    envelope: createEnvelope({ resource: [], version: "1", schemaUrl: "" }),
    maxBatchSpans: 1000,
    maxQueuedSpans: 1000,
    delayMs: 1,
    send: async (batch) => void batches.push(batch),
    onOverflow: () => {},
  });
  for (let span = 0; span < spans; span += 1) {
    queue.add(1, (writer) => {
      const began = writer.beginSpan();
      writer.text(0x2a, "a span");
      writer.endSpan(began);
    });
  }
  await queue.flush();
  const [batch] = batches;
  if (batch === undefined) throw new Error("no batch");
  return batch;
}

interface Lost {
  readonly spans: number;
  readonly reason: string;
}

function createExport(url: string, clock: Clock = systemClock): { exporter: OtlpExport; lost: Lost[] } {
  const lost: Lost[] = [];
  const exporter = createOtlpExport({
    clock,
    url,
    headers: [["authorization", new Secret("Bearer s3cret")]],
    version: "1.2.3",
    timeoutMs: 10_000,
    random: () => 0.5,
    onLost: (spans, reason) => lost.push({ spans, reason }),
  });
  return { exporter, lost };
}

/** Lets pauses pass at once, and remembers how long they would have been. */
function createHastyClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = [];
  return {
    now: () => performance.now(),
    wallTime: () => Date.UTC(2026, 0, 1),
    pauses,
    after(delayMs, callback) {
      // The time for one try is left alone.
      if (delayMs === 10_000) return () => {};
      pauses.push(delayMs);
      const timer = setTimeout(callback, 0);
      return () => clearTimeout(timer);
    },
    deadline: systemClock.deadline,
  };
}

test("a batch arrives as OTLP over HTTP, with the headers that were configured", async () => {
  await using receiver = new OtlpReceiver();
  const { exporter, lost } = createExport(`${receiver.url}/v1/traces`);
  await exporter.send(await batchOf(3));
  const [delivery] = receiver.deliveries;
  expect([delivery?.path, delivery?.spans.length, receiver.faults, lost]).toEqual(["/v1/traces", 3, [], []]);
  expect(delivery?.headers.get("authorization")).toBe("Bearer s3cret");
  expect(delivery?.headers.get("user-agent")).toBe("olla/1.2.3");
});

test("no proxy of the environment gets to see it", async () => {
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = `http://127.0.0.1:${findDeadPort()}`;
  try {
    await using receiver = new OtlpReceiver();
    // Whoever obeys the variable does not get through.
    await expect(fetch(receiver.url, { method: "POST" })).rejects.toThrow();
    const { exporter, lost } = createExport(receiver.url, createHastyClock());
    await exporter.send(await batchOf(1));
    expect([receiver.deliveries.length, lost]).toEqual([1, []]);
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
});

test.each([429, 502, 503, 504])("after a %i the batch is sent again, later each time", async (status) => {
  const clock = createHastyClock();
  await using receiver = new OtlpReceiver((_delivery, ordinal) => {
    return new Response("", { status: ordinal < 4 ? status : 200 });
  });
  const { exporter, lost } = createExport(receiver.url, clock);
  await exporter.send(await batchOf(1));
  expect([receiver.deliveries.length, clock.pauses, lost]).toEqual([4, [1000, 1500, 2250], []]);
});

test("a collector's Retry-After is kept to, in seconds and as a date", async () => {
  const clock = createHastyClock();
  const waits = ["7", "Thu, 01 Jan 2026 00:00:30 GMT", "soon"];
  await using receiver = new OtlpReceiver((_delivery, ordinal) => {
    const wait = waits[ordinal - 1];
    if (wait === undefined) return new Response("");
    return new Response("", { status: 503, headers: { "retry-after": wait } });
  });
  const { exporter } = createExport(receiver.url, clock);
  await exporter.send(await batchOf(1));
  expect(clock.pauses).toEqual([7000, 30_000, 2250]);
});

test("a Retry-After of years is not believed", async () => {
  const clock = createHastyClock();
  await using receiver = new OtlpReceiver((_delivery, ordinal) =>
    ordinal > 1
      ? new Response("")
      : new Response("", { status: 503, headers: { "retry-after": "99999999999" } }),
  );
  await createExport(receiver.url, clock).exporter.send(await batchOf(1));
  expect(clock.pauses).toEqual([600_000]);
});

test.each([400, 401, 404, 500, 302])("after a %i the batch is given up at once", async (status) => {
  await using receiver = new OtlpReceiver(
    () => new Response("s3cret", { status, headers: { location: "http://127.0.0.1:1/" } }),
  );
  const { exporter, lost } = createExport(receiver.url);
  await exporter.send(await batchOf(2));
  expect([receiver.deliveries.length, lost]).toEqual([
    1,
    [{ spans: 2, reason: `the collector answered ${status}` }],
  ]);
});

test("a collector that is not there gets five tries", async () => {
  const clock = createHastyClock();
  const { exporter, lost } = createExport(`http://127.0.0.1:${findDeadPort()}`, clock);
  await exporter.send(await batchOf(2));
  expect([clock.pauses.length, lost]).toEqual([4, [{ spans: 2, reason: "connect_refused" }]]);
});

test("one that does not answer is given up after its time, and asked again", async () => {
  const clock = createFakeClock();
  await using receiver = new OtlpReceiver((_delivery, ordinal) =>
    ordinal === 1 ? new Promise<Response>(() => {}) : new Response(""),
  );
  const { exporter, lost } = createExport(receiver.url, clock);
  const sent = exporter.send(await batchOf(1));
  await waitUntil(() => receiver.deliveries.length === 1);
  clock.advance(10_000);
  await waitUntil(() => clock.nextDelay() === 1000);
  clock.advance(1000);
  await sent;
  expect([receiver.deliveries.length, lost]).toEqual([2, []]);
});

describe("an answer", () => {
  async function answered(body: ConstructorParameters<typeof Response>[0]): Promise<Lost[]> {
    await using receiver = new OtlpReceiver(() => new Response(body));
    const { exporter, lost } = createExport(receiver.url);
    await exporter.send(await batchOf(5));
    return lost;
  }

  test("that rejects some spans loses those", async () => {
    // ExportTraceServiceResponse { partial_success { rejected_spans: 3, error_message: "no" } }
    expect(await answered(Uint8Array.of(0x0a, 6, 0x08, 3, 0x12, 2, 0x6e, 0x6f))).toEqual([
      { spans: 3, reason: "rejected" },
    ]);
  });

  test("that only warns loses nothing", async () => {
    expect(await answered(Uint8Array.of(0x0a, 4, 0x12, 2, 0x6e, 0x6f))).toEqual([]);
  });

  test("of garbage loses nothing", async () => {
    expect(await answered("<html>It works!</html>")).toEqual([]);
    expect(await answered(Uint8Array.of(0x0a, 250, 0x08, 255, 255, 255, 255, 255, 255, 255, 255))).toEqual(
      [],
    );
  });

  test("without end is not read to its end", async () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    expect(await answered(endless)).toEqual([]);
  });
});

test("in a hurry nobody waits for the next try", async () => {
  const clock = createFakeClock();
  await using receiver = new OtlpReceiver(() => new Response("", { status: 503 }));
  const { exporter, lost } = createExport(receiver.url, clock);
  const sent = exporter.send(await batchOf(1));
  await waitUntil(() => clock.nextDelay() === 1000);
  exporter.hurry();
  await sent;
  expect([receiver.deliveries.length, lost.length, clock.pendingTimers()]).toEqual([2, 1, 0]);
});
