/** By name in `Content-Encoding`. What is not here only the endpoint may be able to read. */
const formats = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "brotli"],
  ["zstd", "zstd"],
] as const);

/** @returns undefined when the bytes are what they say themselves, or are packed in a way that we do not know */
export function decompress(
  bytes: Uint8Array<ArrayBuffer>,
  contentEncoding: string,
): ReadableStream<Uint8Array> | undefined {
  const known: ReadonlyMap<string, "gzip" | "deflate" | "brotli" | "zstd"> = formats;
  const format = known.get(contentEncoding.trim().toLowerCase());
  return format && new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
}
