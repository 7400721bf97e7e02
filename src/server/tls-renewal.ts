import { readFile } from "node:fs/promises";
import type { ServerTlsFiles } from "../config/tls-files.ts";
import { expiryOf, findDateFault, findTlsFaults, type TlsTexts } from "../lib/certificate.ts";
import type { Clock } from "../lib/clock.ts";
import { createFileMarker } from "../lib/file-mark.ts";
import type { Logger } from "../lib/log.ts";
import { Secret } from "../lib/secret.ts";
import type { ListenerTls } from "./listen.ts";

export interface TlsRenewalOptions {
  readonly files: ServerTlsFiles["files"];
  /** What the listener shows now. */
  readonly initial: ListenerTls;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Given a pair that fits together and is within its time. */
  readonly onRenewed: (tls: ListenerTls) => void;
  /** Tests give their own. */
  readonly disk?: TlsDisk;
}

export interface TlsDisk {
  /** As `markFile`. */
  mark(path: string): Promise<string>;
  read(path: string): Promise<string>;
}

export interface TlsRenewal {
  start(): void;
  stop(): void;
}

const lookEveryMs = 30_000;
/** Certificate and key are written one after the other; in between they don't match. */
const lookAgainMs = 5_000;

/**
 * Looks from time to time whether the files of `server.tls` have changed and hands on what stands in them now. Polling
 * sees what watchers miss: a file that was renamed into place, a link that leads elsewhere, a network folder.
 */
export function createTlsRenewal(options: TlsRenewalOptions): TlsRenewal {
  const { clock, logger, onRenewed, disk = realDisk } = options;
  const paths = Object.values(options.files).filter((path) => path !== undefined);
  let current = options.initial;
  /** Of the files that were last judged; undefined before the first look, which compares contents. */
  let judged: string | undefined;
  /** Of files that were no good, and may only have been half written. */
  let doubted: string | undefined;
  let isRunning = false;
  let cancelTimer = () => {};

  const judge = async (marks: string): Promise<number> => {
    const texts = await readTexts(options.files, disk);
    const fault = typeof texts === "string" ? texts : await findFault(texts, current, clock.wallTime());
    if (fault !== undefined) {
      if (doubted !== marks) {
        doubted = marks;
        return lookAgainMs;
      }
      judged = marks;
      logger.error("The changed files of server.tls cannot be used; the certificate from before stays", {
        reason: fault,
      });
      return lookEveryMs;
    }
    judged = marks;
    doubted = undefined;
    if (typeof texts === "string" || areSame(texts, current)) return lookEveryMs;
    current = { ...current, cert: texts.cert, key: new Secret(texts.key), clientCa: texts.clientCa };
    if (!isRunning) return lookEveryMs;
    onRenewed(current);
    const expiresAt = new Date(expiryOf(texts.cert)).toISOString();
    logger.info("New certificate in use; answers under way go on", { valid_until: expiresAt });
    return lookEveryMs;
  };

  const look = async (): Promise<void> => {
    let nextMs = lookEveryMs;
    try {
      const marks = await markAll(paths, disk);
      if (marks !== judged) nextMs = await judge(marks);
    } catch (error) {
      logger.error("Looking for a new certificate failed", { error: String(error) });
    }
    if (isRunning) arm(nextMs);
  };
  const arm = (delayMs: number): void => {
    cancelTimer = clock.after(delayMs, () => void look());
  };

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      arm(lookEveryMs);
    },
    stop() {
      isRunning = false;
      cancelTimer();
    },
  };
}

/** A file that is gone is a state, too: it counts as changed once. */
async function markAll(paths: readonly string[], disk: TlsDisk): Promise<string> {
  const marks = await Promise.all(paths.map((path) => disk.mark(path).catch(() => "gone")));
  return marks.join(" ");
}

/** @returns what stands in the files, or why it cannot be read */
async function readTexts(files: ServerTlsFiles["files"], disk: TlsDisk): Promise<TlsTexts | string> {
  const { cert, key, client_ca: clientCa } = files;
  if (cert === undefined || key === undefined) return "no files are named";
  try {
    return {
      cert: await disk.read(cert),
      key: await disk.read(key),
      clientCa: clientCa === undefined ? undefined : await disk.read(clientCa),
    };
  } catch (error) {
    // System messages hold the path and nothing else.
    return error instanceof Error ? error.message : String(error);
  }
}

/** A certificate out of its time is no renewal: the one before may still be good. */
async function findFault(
  texts: TlsTexts,
  current: ListenerTls,
  wallTime: number,
): Promise<string | undefined> {
  const [fault] = await findTlsFaults(texts);
  if (fault !== undefined) return `${fault.part}: ${fault.message}`;
  return texts.cert === current.cert ? undefined : findDateFault(texts.cert, wallTime);
}

function areSame(texts: TlsTexts, current: ListenerTls): boolean {
  return (
    texts.cert === current.cert && texts.key === current.key.reveal() && texts.clientCa === current.clientCa
  );
}

const realDisk: TlsDisk = { mark: createFileMarker(), read: (path) => readFile(path, "utf8") };
