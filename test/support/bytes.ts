const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : content;
}

export function toText(content: Uint8Array): string {
  return decoder.decode(content);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** One piece of a chunked body. */
export function chunkOf(content: string | Uint8Array): Uint8Array {
  const bytes = toBytes(content);
  return concatBytes([toBytes(`${bytes.length.toString(16)}\r\n`), bytes, toBytes("\r\n")]);
}

export const lastChunk = "0\r\n\r\n";
