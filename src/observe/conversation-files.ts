import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { toRedactedJson } from "./redact-body.ts";

export interface ConversationFilesSettings {
  /** Made if it does not exist. */
  readonly folder: string;
  /** Bytes at which a file takes no more. */
  readonly maxFileBytes: number;
  /** Bytes that may wait for the disk; what comes on top is left out. */
  readonly maxWaitingBytes: number;
  readonly clock: Pick<Clock, "wallTime">;
  readonly logger: Pick<Logger, "warn">;
}

/** One line of a file. */
export interface ConversationLine {
  readonly type: "request" | "response";
  /** Of a request. */
  readonly model?: string | undefined;
  readonly body: unknown;
  /** Only there when the answer did not come to its end, or was too long to keep. */
  readonly incomplete?: true | undefined;
}

const validSession = /^[A-Za-z0-9_-]{1,64}$/;
const otherwise = "default";

/** For the owner alone; a link in the place of a file is not followed. */
const appendFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

/**
 * Writes what was said to one file per session and day, one JSON object a line, one line after the other. Never fails
 * and never waits for the disk: what goes wrong is a warning in the log.
 */
export class ConversationFiles {
  readonly #settings: ConversationFilesSettings;
  readonly #warned = new Set<string>();
  #queue: Promise<void> = Promise.resolve();
  #waitingBytes = 0;

  constructor(settings: ConversationFilesSettings) {
    this.#settings = settings;
  }

  /** @param session what the client calls it; undefined when it does not say */
  append(session: string | undefined, line: ConversationLine): void {
    const { folder, clock, maxWaitingBytes } = this.#settings;
    this.#warnOnce("on", `What clients and models say is being written to files in ${resolve(folder)}`);
    const now = new Date(clock.wallTime());
    const { type, ...rest } = line;
    const text = `${toRedactedJson({ type, ts: now.toISOString(), ...rest })}\n`;
    const bytes = Buffer.byteLength(text);
    if (this.#waitingBytes + bytes > maxWaitingBytes) {
      this.#warnOnce("slow", "The inspector leaves lines out: the disk is too slow for what is said");
      return;
    }
    this.#waitingBytes += bytes;
    const name = this.#fileName(session);
    this.#queue = this.#queue
      .then(() => this.#write(localDate(now), name, text))
      .catch((error: unknown) => this.#warnOnce("failed", `The inspector cannot write: ${String(error)}`))
      .finally(() => {
        this.#waitingBytes -= bytes;
      });
  }

  /** Resolves when everything is written. Never rejects. */
  flush(): Promise<void> {
    return this.#queue;
  }

  #fileName(session: string | undefined): string {
    if (session === undefined || validSession.test(session)) return `${session ?? otherwise}.jsonl`;
    this.#warnOnce("name", "The inspector writes sessions without a proper name to default.jsonl");
    return `${otherwise}.jsonl`;
  }

  async #write(day: string, name: string, text: string): Promise<void> {
    const folder = join(this.#settings.folder, day);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(join(folder, name), appendFlags, 0o600);
    try {
      const { size } = await file.stat();
      if (size + Buffer.byteLength(text) > this.#settings.maxFileBytes) {
        this.#warnOnce("full", `The inspector's file ${join(day, name)} is full`);
        return;
      }
      await file.appendFile(text);
    } finally {
      await file.close();
    }
  }

  #warnOnce(reason: string, message: string): void {
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#settings.logger.warn(message);
  }
}

/** Such as `2026-11-21`, where this machine is. */
function localDate(moment: Date): string {
  const parts = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}
