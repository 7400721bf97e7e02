import { createLayout } from "./histogram.ts";

/** Where the OpenTelemetry conventions for GenAI end, and on: desk hardware loads a large model for minutes. */
const minutes = [163.84, 327.68];

/** From a request, or a send, to the end of its answer. */
export const durationLayout = createLayout(1, [
  0.01,
  0.02,
  0.04,
  0.08,
  0.16,
  0.32,
  0.64,
  1.28,
  2.56,
  5.12,
  10.24,
  20.48,
  40.96,
  81.92,
  ...minutes,
  655.36,
]);

export const firstTokenLayout = createLayout(0.5, [
  0.001,
  0.005,
  0.01,
  0.02,
  0.04,
  0.06,
  0.08,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
  20.48,
  40.96,
  81.92,
  ...minutes,
]);

/** A small model on a good card takes less than 10 ms for a token, where the conventions begin. */
export const tokenLayout = createLayout(
  0.5,
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
);

export const queueLayout = createLayout(
  1,
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300],
);

/** What Olla itself adds to a request: from 10 us. */
export const overheadLayout = createLayout(
  0.005,
  [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
);

export const eventLoopLayout = createLayout(
  0.5,
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
);
