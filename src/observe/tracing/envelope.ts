import { type Envelope, varint } from "./span-queue.ts";

export interface EnvelopeFacts {
  /** What the spans are of, in general: `service.name` and the like. */
  readonly resource: readonly (readonly [name: string, value: string])[];
  readonly version: string;
  readonly schemaUrl: string;
}

const utf8 = new TextEncoder();

export function createEnvelope({ resource, version, schemaUrl }: EnvelopeFacts): Envelope {
  const attributes = resource.flatMap(([name, value]) =>
    field(1, [...field(1, utf8.encode(name)), ...field(2, field(1, utf8.encode(value)))]),
  );
  return {
    resource: Uint8Array.from(field(1, attributes)),
    scope: Uint8Array.from(field(1, [...field(1, utf8.encode("olla")), ...field(2, utf8.encode(version))])),
    schemaUrl: Uint8Array.from(field(3, utf8.encode(schemaUrl))),
  };
}

/** A field of bytes: a text, or a message. */
function field(number: number, content: Uint8Array | readonly number[]): number[] {
  return [(number << 3) | 2, ...varint(content.length), ...content];
}
