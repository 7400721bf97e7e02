import type { Endpoint } from "../endpoints/endpoint.ts";
import { resolveKindUrl } from "../endpoints/endpoint-url.ts";
import { questionHeadersOf } from "../endpoints/question-headers.ts";
import type { Clock } from "../lib/clock.ts";
import { type FetchLike, httpGet } from "../lib/http-get.ts";
import { discoveryHeaders } from "./fetch-model-list.ts";

export interface EndpointQuestionOptions<Answer> {
  /** Below the endpoint's own path. */
  readonly path: string;
  /** What is read of an answer with status 200; undefined where it is no answer to this question. */
  readonly read: (body: unknown) => Answer | undefined;
  readonly timeoutMs: number;
  /** An answer younger than this is given again; so is the news that there was none. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  /** Of Olla, for the `User-Agent`. */
  readonly version: string;
  readonly fetch?: FetchLike;
}

interface Asked<Answer> {
  readonly answer: Promise<Answer | undefined>;
  /** Monotonic milliseconds; undefined while the answer is awaited. */
  answeredAt: number | undefined;
}

const maxAnswerBytes = 1024 * 1024;

/** One question that clients have about all endpoints. However many clients ask, each endpoint is asked once at a time. */
export class EndpointQuestion<Answer> {
  readonly #options: EndpointQuestionOptions<Answer>;
  /** By record: a replaced endpoint is another one, and goes by itself. */
  readonly #asked = new WeakMap<Endpoint, Asked<Answer>>();

  constructor(options: EndpointQuestionOptions<Answer>) {
    this.#options = options;
  }

  /** Resolves with undefined for an endpoint that fails, is too slow or says something else. Never rejects. */
  ask(endpoint: Endpoint): Promise<Answer | undefined> {
    const { clock, maxAgeMs } = this.#options;
    const last = this.#asked.get(endpoint);
    const isFresh =
      last !== undefined && (last.answeredAt === undefined || clock.now() - last.answeredAt < maxAgeMs);
    if (isFresh) return last.answer;
    const asked: Asked<Answer> = {
      answer: this.#askNow(endpoint).finally(() => {
        asked.answeredAt = clock.now();
      }),
      answeredAt: undefined,
    };
    this.#asked.set(endpoint, asked);
    return asked.answer;
  }

  async #askNow(endpoint: Endpoint): Promise<Answer | undefined> {
    const { path, read, version, timeoutMs, clock, fetch } = this.#options;
    try {
      const answer = await httpGet(questionUrl(endpoint, path), {
        headers: discoveryHeaders(version, questionHeadersOf(endpoint)),
        timeoutMs,
        maxBytes: maxAnswerBytes,
        tls: endpoint.tls,
        clock,
        ...(fetch && { fetch }),
      });
      if (answer.status !== 200 || answer.isTruncated) return undefined;
      return read(JSON.parse(new TextDecoder().decode(answer.body)));
    } catch {
      // An endpoint without an answer is left out; what ails it is for its health checks to find.
      return undefined;
    }
  }
}

function questionUrl({ origin, basePath, profile }: Endpoint, path: string): string {
  return resolveKindUrl(origin + basePath, profile, path);
}
