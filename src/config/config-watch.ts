import type { Clock } from "../lib/clock.ts";
import { absentMark, createFileMarker, type markFile } from "../lib/file-mark.ts";

export interface ConfigWatchOptions {
  readonly clock: Clock;
  /** Absolute paths of files and folders, there or not; asked again after each change. */
  readonly paths: () => readonly string[];
  /** Called when something has changed and is no longer being written. Must not reject. */
  readonly onChange: () => Promise<unknown>;
  /** Tests give their own. */
  readonly mark?: typeof markFile;
}

export interface ConfigWatch {
  /** What is there now is taken for known. Calling it twice is harmless. */
  start(): void;
  stop(): void;
}

const lookEveryMs = 3_000;
/** Files that were not there are looked for once in so many looks. Most never come, and each question may wake a thread. */
const absentEvery = 10;
/** Editors and `cp` write in pieces. */
const lookAgainMs = 250;

/**
 * Looks from time to time whether files have changed. It sees what watchers of the system miss: a file that was renamed
 * into place, a link that leads elsewhere (as Kubernetes does with ConfigMaps), a mounted file, a network folder.
 */
export function createConfigWatch({
  clock,
  paths,
  onChange,
  mark = createFileMarker(),
}: ConfigWatchOptions): ConfigWatch {
  let known = new Map<string, string>();
  /** Marks that were new at the last look, and may be those of files half written. */
  let doubted: string | undefined;
  let looks = 0;
  let isRunning = false;
  let cancelTimer = () => {};

  /** What was not known yet is taken as it is. @returns the marks of all paths */
  const learn = async (): Promise<Map<string, string>> => {
    const marks = new Map<string, string>();
    await Promise.all(paths().map(async (path) => marks.set(path, known.get(path) ?? (await mark(path)))));
    return marks;
  };
  const look = async (): Promise<number> => {
    looks += 1;
    const marks = new Map<string, string>();
    // One after the other: where a question wakes threads, it should not wake all of them.
    for (const [path, before] of known) {
      const isSkipped = before === absentMark && looks % absentEvery !== 0 && doubted === undefined;
      marks.set(path, isSkipped ? before : await mark(path));
    }
    if (isSame(marks, known)) {
      doubted = undefined;
      return lookEveryMs;
    }
    const seen = JSON.stringify([...marks].sort());
    if (seen !== doubted) {
      doubted = seen;
      return lookAgainMs;
    }
    doubted = undefined;
    known = marks;
    await onChange();
    known = await learn();
    return lookEveryMs;
  };
  const arm = (delayMs: number): void => {
    cancelTimer = clock.after(delayMs, () => {
      void look().then((nextMs) => {
        if (isRunning) arm(nextMs);
      });
    });
  };

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      known = new Map();
      void learn().then((marks) => {
        known = marks;
        if (isRunning) arm(lookEveryMs);
      });
    },
    stop() {
      isRunning = false;
      cancelTimer();
    },
  };
}

function isSame(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return [...left].every(([path, mark]) => right.get(path) === mark);
}
