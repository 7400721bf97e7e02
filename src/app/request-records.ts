import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/schema.ts";
import { OllaError } from "../errors.ts";
import { isOnRecord } from "../observe/kept-outcome.ts";
import type { OutcomeKinds } from "../observe/outcome-kinds.ts";
import { RecentRequests } from "../observe/recent-requests.ts";
import type { OutcomeSink } from "../observe/recorder.ts";
import type { RequestHistory } from "../observe/request-history.ts";
import { RequestLogRefusal } from "../observe/request-log/open-database.ts";
import { RequestLog } from "../observe/request-log/request-log.ts";
import type { AppOptions } from "./options.ts";

/** What is remembered of the requests that have ended: the last ones, and while `request_log.enabled` is on all. */
export interface RequestRecords {
  readonly sink: OutcomeSink;
  readonly history: RequestHistory;
  /** @throws RequestLogRefusal where the file is something else than a request log */
  start(): void;
  /** Other settings come into force: what was decided by those until now is explained by them. */
  settle(): void;
  /**
   * Opens the request log of other settings, if they name another one, before anything else changes.
   * @returns what puts it in the place of the one in use
   * @throws RequestLogRefusal where the file is something else than a request log
   */
  prepare(config: Config): () => void;
  /** Writes what waits. Never rejects. */
  stop(): Promise<void>;
}

interface Opened {
  readonly log: RequestLog | undefined;
  /** Why there is none although there should be one. */
  readonly problem: string | undefined;
}

export function createRequestRecords(
  { config, clock, logger }: AppOptions,
  kinds: OutcomeKinds,
): RequestRecords {
  let settings = config.request_log;
  const recent = new RecentRequests();
  let log: RequestLog | undefined;
  /** Why requests come from memory although they should not. */
  let problem: string | undefined;
  const warnOfReading = (error: unknown) => {
    problem = `The request log cannot be read (${String(error)})`;
    logger.error("The request log cannot be read", { error: String(error) });
  };
  const open = ({ enabled, path, max_age: maxAgeMs, max_size: maxBytes }: typeof settings): Opened => {
    if (!enabled) return { log: undefined, problem: undefined };
    try {
      return { log: new RequestLog({ path, maxAgeMs, maxBytes, clock, logger, kinds }), problem: undefined };
    } catch (error) {
      if (error instanceof RequestLogRefusal) throw error;
      logger.error("The request log cannot be opened; only the last requests are kept, in memory", {
        path,
        error: String(error),
      });
      return { log: undefined, problem: `The request log cannot be opened (${String(error)})` };
    }
  };
  const fromMemory = <Answer extends object>(answer: Answer): Answer =>
    problem === undefined
      ? answer
      : { ...answer, note: `${problem}: these are the last requests, from memory` };
  return {
    sink(outcome) {
      if (!isOnRecord(outcome)) return;
      recent.add(outcome);
      log?.add(outcome);
    },
    history: {
      async list(question) {
        try {
          if (log !== undefined) return await log.list(question);
        } catch (error) {
          if (error instanceof OllaError) throw error;
          warnOfReading(error);
        }
        return fromMemory(recent.list(question));
      },
      async find(id) {
        let found: Awaited<ReturnType<RequestLog["find"]>>;
        try {
          found = await log?.find(id);
        } catch (error) {
          warnOfReading(error);
        }
        // Perhaps it waits to be written.
        return found ?? recent.find(id);
      },
    },
    start() {
      ({ log, problem } = open(settings));
    },
    settle: () => recent.settle(),
    prepare(next) {
      if (isDeepStrictEqual(next.request_log, settings)) return () => undefined;
      const opened = open(next.request_log);
      return () => {
        const before = log;
        settings = next.request_log;
        ({ log, problem } = opened);
        // What it still has to write it writes: two of them share a file well.
        void before?.stop();
      };
    },
    async stop() {
      const stopping = log;
      log = undefined;
      await stopping?.stop();
    },
  };
}
