import { FineHistogram } from "./fine-histogram.ts";
import type { JobResult, Percentiles } from "./workload.ts";

function percentiles(histogram: FineHistogram): Percentiles {
  return { p50: histogram.quantile(0.5), p99: histogram.quantile(0.99) };
}

/** What came of the requests of one job. */
export class Tally {
  readonly latency = new FineHistogram();
  readonly firstToken = new FineHistogram();
  readonly lag = new FineHistogram();
  answers = 0;
  errors = 0;
  #open = 0;
  #openAtOnce = 0;

  openStream(): void {
    this.#open += 1;
    this.#openAtOnce = Math.max(this.#openAtOnce, this.#open);
  }

  closeStream(): void {
    this.#open -= 1;
  }

  result(seconds: number, cpuSeconds: number): JobResult {
    return {
      answers: this.answers,
      seconds,
      errors: this.errors,
      clientCpuShare: cpuSeconds / seconds,
      latency: percentiles(this.latency),
      firstToken: percentiles(this.firstToken),
      lag: percentiles(this.lag),
      openAtOnce: this.#openAtOnce,
    };
  }
}
