// Reads protobuf by tables written from opentelemetry-proto's .proto files, and knows nothing of how Olla writes it.

/** A value of an attribute; integers as numbers, unless they are too large for one. */
export type OtlpValue = string | boolean | number | readonly OtlpValue[] | undefined;

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  /** Empty for the beginning of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly attributes: Readonly<Record<string, OtlpValue>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly flags: number;
  readonly resource: Readonly<Record<string, OtlpValue>>;
  readonly scope: { readonly name: string; readonly version: string };
  readonly schemaUrl: string;
}

type Field = { readonly number: number } & (
  | { readonly type: "varint"; readonly value: bigint }
  | { readonly type: "fixed64" | "fixed32"; readonly value: bigint; readonly bytes: Uint8Array }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
);

const text = new TextDecoder("utf-8", { fatal: true });

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error("a varint does not end");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (size: number) => {
    if (at + size > bytes.length) throw new Error("a field is longer than its message");
    at += size;
    return bytes.subarray(at - size, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === 0) yield { number, type: "varint", value: varint() };
    else if (wireType === 2) yield { number, type: "bytes", bytes: take(Number(varint())) };
    else if (wireType === 1 || wireType === 5) {
      const raw = take(wireType === 1 ? 8 : 4);
      const value = raw.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      yield { number, type: wireType === 1 ? "fixed64" : "fixed32", value, bytes: raw };
    } else throw new Error(`no wire type ${wireType} in OTLP`);
  }
}

class Message {
  readonly #fields: readonly Field[];

  constructor(bytes: Uint8Array) {
    this.#fields = [...fieldsOf(bytes)];
  }

  all(number: number): Uint8Array[] {
    return this.#fields.flatMap((field) =>
      field.number === number && field.type === "bytes" ? [field.bytes] : [],
    );
  }

  messages(number: number): Message[] {
    return this.all(number).map((bytes) => new Message(bytes));
  }

  message(number: number): Message {
    return new Message(this.all(number).at(-1) ?? new Uint8Array());
  }

  text(number: number): string {
    return text.decode(this.all(number).at(-1) ?? new Uint8Array());
  }

  hex(number: number): string {
    return (this.all(number).at(-1) ?? new Uint8Array()).toHex();
  }

  number(number: number): bigint {
    const field = this.#fields.findLast((each) => each.number === number);
    return field === undefined || field.type === "bytes" ? 0n : field.value;
  }

  /** `common.v1.AnyValue` */
  value(): OtlpValue {
    const field = this.#fields[0];
    switch (field?.number) {
      case 1:
        return this.text(1);
      case 2:
        return this.number(2) === 1n;
      case 3:
        return Number(this.number(3));
      case 4: {
        const bytes = field.type === "fixed64" ? field.bytes : new Uint8Array(8);
        return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
      }
      case 5:
        return this.message(5)
          .messages(1)
          .map((item) => item.value());
      default:
        return undefined;
    }
  }

  /** `repeated KeyValue`; a name that comes twice is a mistake. */
  attributes(number: number): Record<string, OtlpValue> {
    const attributes: Record<string, OtlpValue> = {};
    for (const pair of this.messages(number)) {
      const name = pair.text(1);
      if (name in attributes) throw new Error(`attribute ${name} is there twice`);
      attributes[name] = pair.message(2).value();
    }
    return attributes;
  }
}

/** @param body an `ExportTraceServiceRequest`. @throws Error for what is none */
export function decodeSpans(body: Uint8Array): OtlpSpan[] {
  return new Message(body).messages(1).flatMap((resourceSpans) => {
    const resource = resourceSpans.message(1).attributes(1);
    return resourceSpans.messages(2).flatMap((scopeSpans) => {
      const scope = { name: scopeSpans.message(1).text(1), version: scopeSpans.message(1).text(2) };
      const schemaUrl = scopeSpans.text(3);
      return scopeSpans.messages(2).map((span) => ({
        traceId: span.hex(1),
        spanId: span.hex(2),
        traceState: span.text(3),
        parentSpanId: span.hex(4),
        name: span.text(5),
        kind: Number(span.number(6)),
        startNano: span.number(7),
        endNano: span.number(8),
        attributes: span.attributes(9),
        statusCode: Number(span.message(15).number(3)),
        statusMessage: span.message(15).text(2),
        flags: Number(span.number(16)),
        resource,
        scope,
        schemaUrl,
      }));
    });
  });
}
