// What Olla writes by hand, beside what OpenTelemetry's own serializer makes of the same spans.
import { expect, test } from "bun:test";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import fc from "fast-check";
import { createEnvelope } from "../../src/observe/tracing/envelope.ts";
import { type SpanBatch, SpanQueue } from "../../src/observe/tracing/span-queue.ts";
import { attributeKey, type SpanWriter } from "../../src/observe/tracing/span-writer.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { decodeSpans } from "../support/otlp-decoder.ts";

interface SpanFacts {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly traceState: string;
  /** Microseconds since the epoch. */
  readonly startUs: number;
  readonly text: string;
  readonly int: number;
  readonly double: number;
  readonly item: string;
  readonly isError: boolean;
}

const hex = (digits: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((values) => values.map((value) => value.toString(16)).join(""));
const anyText = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.string({ unit: fc.constantFrom("a", "é", "\ud800", "😀"), maxLength: 20 }),
);
const spanFacts: fc.Arbitrary<SpanFacts> = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: hex(16),
  name: anyText.filter((text) => text !== ""),
  traceState: fc.constantFrom("", "a=1", "vendor=x,other@tenant=y"),
  startUs: fc.integer({ min: 0, max: 4_102_444_800_000_000 }),
  text: anyText,
  int: fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
  item: anyText,
  isError: fc.boolean(),
});

const keys = {
  text: attributeKey("text"),
  int: attributeKey("int"),
  double: attributeKey("double"),
  list: attributeKey("list"),
  truth: attributeKey("truth"),
};

function write(facts: SpanFacts, writer: SpanWriter): void {
  const began = writer.beginSpan();
  writer.id(0x0a, facts.traceId);
  writer.id(0x12, facts.spanId);
  if (facts.traceState !== "") writer.text(0x1a, facts.traceState);
  writer.id(0x22, facts.parentSpanId);
  writer.text(0x2a, facts.name);
  writer.number(0x30, 2);
  writer.time(0x39, facts.startUs / 1000);
  writer.time(0x41, facts.startUs / 1000 + 1);
  writer.textAttribute(keys.text, facts.text);
  writer.intAttribute(keys.int, facts.int);
  writer.doubleAttribute(keys.double, facts.double);
  writer.listAttribute(keys.list, facts.item);
  writer.trueAttribute(keys.truth);
  if (facts.isError) writer.raw(Uint8Array.of(0x7a, 2, 0x18, 2));
  writer.fixed32((16 << 3) | 5, 0x101);
  writer.endSpan(began);
}

/** Microseconds as seconds and nanoseconds. */
function hrTime(us: number): [number, number] {
  return [Math.floor(us / 1e6), (us % 1e6) * 1000];
}

type ReadableSpan = NonNullable<Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0]>[number];

const resource = [
  ["service.name", "olla"],
  ["é", "ü"],
] as const;

function readable(facts: SpanFacts, shared: Pick<ReadableSpan, "resource" | "instrumentationScope">) {
  const { traceId, spanId, parentSpanId } = facts;
  return {
    ...shared,
    name: facts.name,
    kind: 1,
    spanContext: () => ({
      traceId,
      spanId,
      traceFlags: 1,
      ...(facts.traceState !== "" && {
        traceState: { serialize: () => facts.traceState },
      }),
    }),
    parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: 1 },
    startTime: hrTime(facts.startUs),
    endTime: hrTime(facts.startUs + 1000),
    status: { code: facts.isError ? 2 : 0 },
    attributes: {
      text: facts.text,
      int: facts.int,
      double: facts.double,
      list: [facts.item],
      truth: true,
    },
    links: [],
    events: [],
    duration: [0, 0],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  } as unknown as ReadableSpan;
}

async function batchOf(spans: readonly SpanFacts[]): Promise<Uint8Array> {
  const batches: SpanBatch[] = [];
  const queue = new SpanQueue({
    clock: createFakeClock(),
    envelope: createEnvelope({ resource, version: "1.2.3", schemaUrl: "https://schema" }),
    maxBatchSpans: 1000,
    maxQueuedSpans: 1000,
    delayMs: 1000,
    send: async (batch) => void batches.push(batch),
    onOverflow: () => {
      throw new Error("no room");
    },
  });
  for (const span of spans) queue.add(1, (writer) => write(span, writer));
  await queue.flush();
  expect(batches).toHaveLength(1);
  return batches[0]?.body ?? new Uint8Array();
}

test("spans written by hand are read as those that OpenTelemetry's own serializer writes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spanFacts, { minLength: 1, maxLength: 5 }), async (spans) => {
      const shared = {
        resource: { attributes: Object.fromEntries(resource) },
        instrumentationScope: { name: "olla", version: "1.2.3", schemaUrl: "https://schema" },
      } as unknown as Pick<ReadableSpan, "resource" | "instrumentationScope">;
      const official = ProtobufTraceSerializer.serializeRequest(spans.map((span) => readable(span, shared)));
      const decoded = decodeSpans(await batchOf(spans));
      expect(decoded).toEqual(decodeSpans(official ?? new Uint8Array()));
      expect(decoded.map(({ traceId, name }) => [traceId, name])).toEqual(
        spans.map(({ traceId, name }) => [traceId, name.toWellFormed()]),
      );
    }),
    { numRuns: 200 },
  );
});

test("a span larger than two bytes of length can say is whole", async () => {
  const span: SpanFacts = {
    traceId: "1".repeat(32),
    spanId: "2".repeat(16),
    parentSpanId: "3".repeat(16),
    name: "large",
    traceState: "",
    startUs: 1,
    text: "é".repeat(20_000),
    int: 5,
    double: 0.5,
    item: "x".repeat(3_000_000),
    isError: true,
  };
  const [decoded] = decodeSpans(await batchOf([span]));
  expect(decoded?.attributes).toEqual({
    text: span.text,
    int: 5,
    double: 0.5,
    list: [span.item],
    truth: true,
  });
});
