import type { Clock } from "../lib/clock.ts";
import { extractMetrics } from "../observe/metrics-extraction.ts";
import type { ProviderMetrics } from "../observe/usage.ts";
import { BodyTail } from "../proxy/body-tail.ts";
import { streamFramingOf } from "../proxy/stream-kind.ts";
import type { Forwarded } from "./forwarding.ts";

/** Looks at one relayed answer from the side, to tell afterwards what it said about its tokens and times. */
export interface UsageWatch {
  /** Called for every piece as it came from the endpoint. */
  push(chunk: Uint8Array): void;
  /** Called once, when the body is complete. */
  read(): ProviderMetrics | undefined;
}

/** Undefined for an answer that would not be asked: an error, or a kind whose profile says nothing of metrics. */
export function watchUsage({ candidate, answer, body }: Forwarded, clock: Clock): UsageWatch | undefined {
  const { response, startedAt } = answer;
  const { profile } = candidate.endpoint;
  if (profile.metrics === undefined || !response.ok) return undefined;
  const framing = streamFramingOf(response.headers.get("content-type"));
  const tail = new BodyTail(framing !== undefined);
  let ttftMs: number | undefined;
  const push = (chunk: Uint8Array) => {
    if (framing !== undefined) ttftMs ??= clock.now() - startedAt;
    tail.push(chunk);
  };
  if (body.kind === "begun") for (const chunk of body.chunks) push(chunk);
  return {
    push,
    read() {
      const measured = { totalMs: clock.now() - startedAt, ttftMs };
      return extractMetrics(profile, { tail, framing, headers: response.headers, measured });
    },
  };
}

/** The same for an answer that was read whole before the client sees any of it. */
export function readUsage(
  { candidate, answer: { response, startedAt } }: Forwarded,
  body: Uint8Array,
  clock: Clock,
): ProviderMetrics | undefined {
  if (!response.ok) return undefined;
  return extractMetrics(candidate.endpoint.profile, {
    body,
    framing: streamFramingOf(response.headers.get("content-type")),
    headers: response.headers,
    measured: { totalMs: clock.now() - startedAt, ttftMs: undefined },
  });
}
