import { join } from "node:path";
import type { Behaviour } from "./socket-server.ts";

/** An answer that a real server once gave, head and body. */
export interface Recording {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const framing = new Set(["transfer-encoding", "content-length", "connection", "keep-alive"]);
const wireFolder = join(import.meta.dir, "../fixtures/wire");

/** Reads `test/fixtures/wire/<server>/<name>.http`: a comment line, the head, an empty line, the body unframed. */
export async function loadRecording(server: string, name: string): Promise<Recording> {
  const text = (await Bun.file(join(wireFolder, server, `${name}.http`)).text()).replaceAll("\r\n", "\n");
  const headEnd = text.indexOf("\n\n");
  const [, statusLine = "", ...lines] = text.slice(0, headEnd).split("\n");
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(" ")[1]), headers, body: text.slice(headEnd + 2) };
}

function isStream({ headers }: Recording): boolean {
  return headers.some(([name, value]) => /^content-type$/i.test(name) && /event-stream|ndjson/.test(value));
}

/** Answers as the recorded server did; streams in one chunk for each event or line. */
export function replayRecording(recording: Recording): Behaviour {
  const headers = recording.headers.filter(([name]) => !framing.has(name.toLowerCase()));
  return async (exchange) => {
    if (!isStream(recording)) return exchange.respond(recording.status, headers, recording.body);
    await exchange.head(recording.status, [...headers, ["Transfer-Encoding", "chunked"]]);
    const separator = recording.body.includes("\n\n") ? "\n\n" : "\n";
    for (const part of recording.body.split(separator)) {
      if (part.trim() !== "") await exchange.chunk(`${part}${separator}`);
    }
    await exchange.endChunked();
  };
}
