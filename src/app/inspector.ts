import { isObject, parseJson } from "../lib/json.ts";
import { ConversationFiles, type ConversationLine } from "../observe/conversation-files.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Pipeline, PipelineContext } from "../pipeline/pipeline.ts";
import { collectMessage } from "../translate/anthropic/collect-message.ts";
import type { ClientApi } from "../translate/client-api.ts";
import { filledText, textOf } from "../translate/wire.ts";
import type { AppOptions } from "./options.ts";

type ReadStage = PipelineContext["readBody"];

/** Writes conversations of the Messages API to files: what clients asked, and what they got. */
export interface Inspector {
  /** The stage, with a look at what was read. */
  seeRequests(readBody: ReadStage): ReadStage;
  /** The pipeline, with a look at what it answers. */
  seeAnswers(pipeline: Pipeline): Pipeline;
}

const maxFileBytes = 100 * 1024 * 1024;
const maxWaitingBytes = 64 * 1024 * 1024;
/** An answer that is longer is not kept. */
const maxAnswerBytes = 16 * 1024 * 1024;

/** The files that are written to, over reloads: two writers in one folder would not know of each other's files. */
export class Conversations {
  readonly #parts: Pick<AppOptions, "clock" | "logger">;
  readonly #byFolder = new Map<string, ConversationFiles>();

  constructor(parts: Pick<AppOptions, "clock" | "logger">) {
    this.#parts = parts;
  }

  filesIn(folder: string): ConversationFiles {
    const known = this.#byFolder.get(folder);
    if (known !== undefined) return known;
    const { clock, logger } = this.#parts;
    const files = new ConversationFiles({ folder, maxFileBytes, maxWaitingBytes, clock, logger });
    this.#byFolder.set(folder, files);
    return files;
  }

  /** Resolves when everything is written. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all([...this.#byFolder.values()].map((files) => files.flush()));
  }
}

/** Undefined while `inspector.enabled` is off: then nobody looks. */
export function createInspector(
  { config }: AppOptions,
  findApi: (exchange: Exchange) => ClientApi | undefined,
  conversations: Conversations,
): Inspector | undefined {
  const { enabled, inspector } = config.translators.anthropic;
  if (!enabled || !inspector.enabled) return undefined;
  const header = inspector.session_header.trim() || "X-Session-ID";
  const files = conversations.filesIn(inspector.output_dir || "./inspector-logs");
  const isWanted = (exchange: Exchange) => findApi(exchange)?.name === "anthropic";
  const append = ({ request: { headers } }: Exchange, line: ConversationLine) =>
    files.append(headers.get(header) ?? headers.get("x-request-id") ?? undefined, line);
  return {
    seeRequests: (readBody) => async (exchange) => {
      const read = await readBody(exchange);
      if (isWanted(exchange) && read.plain !== undefined) append(exchange, requestLine(read.plain));
      return read;
    },
    seeAnswers: (pipeline) => ({
      async handle(exchange) {
        const response = await pipeline.handle(exchange);
        if (!isWanted(exchange) || response.body === null) return response;
        const contentType = response.headers.get("content-type") ?? "";
        const isStream = contentType.startsWith("text/event-stream");
        const encoding = response.headers.get("content-encoding");
        const body = tap(response.body, (bytes, isWhole) => {
          const plain = encoding === null || bytes === undefined ? bytes : unpack(bytes, encoding);
          append(exchange, responseLine(plain, isWhole, isStream));
        });
        return new Response(body, { status: response.status, headers: response.headers });
      },
    }),
  };
}

/** Undefined for what is not what it is said to be, or cannot be unpacked here. */
function unpack(bytes: Uint8Array, encoding: string): Uint8Array | undefined {
  const { gunzipSync, inflateSync, brotliDecompressSync, zstdDecompressSync } =
    process.getBuiltinModule("node:zlib");
  const limit = { maxOutputLength: maxAnswerBytes };
  try {
    switch (encoding.trim().toLowerCase()) {
      case "gzip":
        return gunzipSync(bytes, limit);
      case "deflate":
        return inflateSync(bytes, limit);
      case "br":
        return brotliDecompressSync(bytes, limit);
      case "zstd":
        return zstdDecompressSync(bytes, limit);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function requestLine(bytes: Uint8Array): ConversationLine {
  const body = parseJson(textOf(bytes)) ?? textOf(bytes);
  return { type: "request", model: isObject(body) ? filledText(body.model) : undefined, body };
}

function responseLine(bytes: Uint8Array | undefined, isWhole: boolean, isStream: boolean): ConversationLine {
  if (bytes === undefined) return { type: "response", body: null, incomplete: true };
  if (!isStream) {
    const text = textOf(bytes);
    return { type: "response", body: parseJson(text) ?? text, ...(!isWhole && { incomplete: true }) };
  }
  const { body, isComplete } = collectMessage(bytes);
  return { type: "response", body: body ?? null, ...(!(isWhole && isComplete) && { incomplete: true }) };
}

/** @param onEnd called once, without bytes when there were too many to keep */
function tap(
  body: ReadableStream<Uint8Array>,
  onEnd: (bytes: Uint8Array | undefined, isWhole: boolean) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let kept: Uint8Array[] = [];
  let total = 0;
  let hasEnded = false;
  const end = (isWhole: boolean) => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd(total > maxAnswerBytes ? undefined : Buffer.concat(kept), isWhole);
    kept = [];
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          end(false);
          throw error;
        });
        if (done) {
          end(true);
          controller.close();
          return;
        }
        total += value.byteLength;
        if (total > maxAnswerBytes) kept = [];
        else kept.push(value.slice());
        controller.enqueue(value);
      },
      cancel(reason) {
        end(false);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
