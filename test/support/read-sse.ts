export interface SseEvent {
  readonly event: string | undefined;
  readonly data: string;
}

function parseEvent(block: string): SseEvent | undefined {
  const lines = block.split("\n");
  const contentOf = (line: string): string => line.slice(line.indexOf(":") + 1).replace(/^ /, "");
  const data = lines.filter((line) => line.startsWith("data:")).map(contentOf);
  const event = lines.find((line) => line.startsWith("event:"));
  if (data.length === 0 && event === undefined) return undefined;
  return { event: event === undefined ? undefined : contentOf(event), data: data.join("\n") };
}

/** Events of a stream as they arrive. Ends with the body, throws with the body's error. */
export async function* readSse(body: ReadableStream<Uint8Array> | null): AsyncGenerator<SseEvent> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let pending = "";
  for await (const piece of body) {
    pending += decoder.decode(piece, { stream: true }).replaceAll("\r\n", "\n");
    for (let at = pending.indexOf("\n\n"); at >= 0; at = pending.indexOf("\n\n")) {
      const event = parseEvent(pending.slice(0, at));
      pending = pending.slice(at + 2);
      if (event !== undefined) yield event;
    }
  }
}

/** All events, and the error that cut the stream if one did. */
export async function collectSse(
  body: ReadableStream<Uint8Array> | null,
): Promise<{ events: SseEvent[]; error: unknown }> {
  const events: SseEvent[] = [];
  try {
    for await (const event of readSse(body)) events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}
