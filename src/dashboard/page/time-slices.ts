import type { Timings } from "./wire.ts";

export interface TimeSlice {
  readonly name: "body" | "routing" | "queue" | "endpoint" | "first" | "stream";
  readonly title: string;
  readonly ms: number;
}

/** Parts of a request's time, one after the other, whose sum is the whole. What is not known takes no part. */
export function sliceTime(timings: Timings): readonly TimeSlice[] {
  const whole = timings.duration_ms;
  let until = 0;
  const slices: TimeSlice[] = [];
  const add = (name: TimeSlice["name"], title: string, end: number | undefined) => {
    if (end === undefined) return;
    const bounded = Math.min(whole, Math.max(until, end));
    if (bounded > until) slices.push({ name, title, ms: bounded - until });
    until = bounded;
  };
  add("body", "its body arrived", timings.body_ms);
  add("routing", "understood and routed", timings.routed_ms ?? timings.inspected_ms);
  if (timings.queue_ms > 0) add("queue", "stood in line", until + timings.queue_ms);
  add("endpoint", "until an endpoint answered", timings.head_ms);
  add("first", "until the first token", timings.ttft_ms);
  add("stream", until === 0 ? "all of it" : "until the end", whole);
  return slices;
}
