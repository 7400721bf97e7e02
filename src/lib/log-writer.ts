import type { Clock } from "./clock.ts";
import { type LogFields, type Logger, type LogLevel, logLevels } from "./log.ts";
import type { LogFile } from "./log-file.ts";
import { formatJson, type LogFormatter } from "./log-format.ts";

/** Where finished lines go. Must not throw: a log that cannot be written is no reason to stop serving. */
export interface LineOutput {
  /** `text` ends with a line break. */
  write(text: string): void;
  /** Resolves when everything written so far has left the process. */
  flush(): Promise<void>;
}

export interface LogWriterOptions {
  readonly level: LogLevel;
  readonly format: LogFormatter;
  readonly output: LineOutput;
  /** Also gets every record, always as JSON. Its first failure is a warning, after which it is not used again. */
  readonly file?: LogFile;
  readonly clock: Clock;
}

export interface LogWriter extends Logger {
  /** Least important level that is written from now on. */
  setLevel(level: LogLevel): void;
  flush(): Promise<void>;
}

const noFields: LogFields = {};

/** The program's logger: one line per record. Formatting happens at once, the system call a moment later. */
export function createLogger(options: LogWriterOptions): LogWriter {
  const { format, output, clock } = options;
  let lowest = logLevels.indexOf(options.level);
  let file = options.file;

  function writeToFile(wallTime: number, level: LogLevel, message: string, fields: LogFields): void {
    if (file === undefined) return;
    try {
      file.append(`${formatJson(wallTime, level, message, fields)}\n`);
    } catch (error) {
      file = undefined;
      write("warn", "The log file cannot be written any more; logging goes on here only", {
        error: String(error),
      });
    }
  }

  function write(level: LogLevel, message: string, fields: LogFields = noFields): void {
    if (logLevels.indexOf(level) < lowest) return;
    const wallTime = clock.wallTime();
    output.write(`${format(wallTime, level, message, fields)}\n`);
    writeToFile(wallTime, level, message, fields);
  }

  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    setLevel(level) {
      lowest = logLevels.indexOf(level);
    },
    isEnabled: (level) => logLevels.indexOf(level) >= lowest,
    flush: () => output.flush(),
  };
}

/** Longest that a finished line waits for others to share a system call with. */
const gatherMs = 5;
const gatherCharacters = 64 * 1024;

/** Buffers lines for a file descriptor's writer, 1 for standard output, and sends them on within a few milliseconds. */
export function createDescriptorOutput(descriptor: 1 | 2): LineOutput {
  const sink = (descriptor === 1 ? Bun.stdout : Bun.stderr).writer({ highWaterMark: 64 * 1024 });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isBroken = false;
  let gathered = "";

  /** One call for all lines: each costs as much as the writing of its line. */
  function handOver(): void {
    const text = gathered;
    gathered = "";
    try {
      // A promise here means that the reader is slow; its failure shows again in the flush.
      const written: unknown = sink.write(text);
      if (written instanceof Promise) written.catch(() => undefined);
    } catch {
      isBroken = true;
    }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (gathered !== "") handOver();
    if (isBroken) return;
    try {
      await sink.flush();
    } catch {
      // The reader has gone (`olla | head`). There is nowhere left to say so, and serving does not depend on it.
      isBroken = true;
    }
  }

  return {
    write(text) {
      if (isBroken) return;
      gathered += text;
      if (gathered.length >= gatherCharacters) handOver();
      timer ??= setTimeout(() => void flush(), gatherMs);
    },
    flush,
  };
}
