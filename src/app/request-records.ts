import { OllaError } from "../errors.ts";
import { boundOutcome, isOnRecord } from "../observe/kept-outcome.ts";
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
  /** Writes what waits. Never rejects. */
  stop(): Promise<void>;
}

export function createRequestRecords({ config, clock, logger }: AppOptions): RequestRecords {
  const { enabled, path, max_age: maxAgeMs, max_size: maxBytes } = config.request_log;
  const recent = new RecentRequests();
  let log: RequestLog | undefined;
  /** Why requests come from memory although they should not. */
  let problem: string | undefined;
  const warnOfReading = (error: unknown) => {
    problem = `The request log cannot be read (${String(error)})`;
    logger.error("The request log cannot be read", { error: String(error) });
  };
  const fromMemory = <Answer extends object>(answer: Answer): Answer =>
    problem === undefined
      ? answer
      : { ...answer, note: `${problem}: these are the last requests, from memory` };
  return {
    sink(outcome) {
      if (!isOnRecord(outcome)) return;
      const bounded = boundOutcome(outcome);
      recent.add(bounded);
      log?.add(bounded);
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
      if (!enabled) return;
      try {
        log = new RequestLog({ path, maxAgeMs, maxBytes, clock, logger });
      } catch (error) {
        if (error instanceof RequestLogRefusal) throw error;
        problem = `The request log cannot be opened (${String(error)})`;
        logger.error("The request log cannot be opened; only the last requests are kept, in memory", {
          path,
          error: String(error),
        });
      }
    },
    async stop() {
      const stopping = log;
      log = undefined;
      await stopping?.stop();
    },
  };
}
