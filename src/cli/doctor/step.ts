import type { Endpoint } from "../../endpoints/endpoint.ts";
import type { Clock } from "../../lib/clock.ts";
import { connectTargetOf } from "../../lib/connect-target.ts";
import type { ProfileSet } from "../../profiles/profile-set.ts";
import type { Surroundings } from "./surroundings.ts";

export type StepName = "dns" | "connect" | "tls" | "kind" | "health" | "models" | "token";

/** One thing that was looked at. */
export interface Step {
  readonly name: StepName;
  /** "note": worth saying, and the endpoint works all the same. */
  readonly verdict: "well" | "note" | "wrong";
  /** What was seen. */
  readonly text: string;
  /** What helps, where anything is to be done. */
  readonly cure?: string | undefined;
  readonly tookMs?: number;
}

/** One endpoint, and what is needed to examine it. */
export interface Patient {
  readonly endpoint: Endpoint;
  /** Where the configuration has its credential from, for people: `the variable OPENAI_API_KEY`. */
  readonly credential: string | undefined;
  /** Takes the kind that was found, for an endpoint of `type: auto`. */
  readonly withKind: (endpoint: Endpoint, profile: ProfileSet["all"][number]) => Endpoint;
}

export interface ExaminationOptions {
  readonly profiles: ProfileSet;
  readonly surroundings: Surroundings;
  /** Of Olla, for the `User-Agent`. */
  readonly version: string;
  readonly clock: Clock;
  /** For everything but the token. */
  readonly stepMs: number;
  /** For one token, which may have to wait for a model to be loaded. */
  readonly tokenMs: number;
  /** Of which the token is asked; the smallest where undefined. */
  readonly model: string | undefined;
  readonly isGenerating: boolean;
}

/** The host of an address, as look-ups and certificates want it. */
export function hostOf({ origin }: Pick<Endpoint, "origin">): string {
  return connectTargetOf(origin).hostname;
}

export function portOf({ origin }: Pick<Endpoint, "origin">): number {
  return connectTargetOf(origin).port;
}

/** Host and port as in an address, with the port also where it is the usual one. */
export function placeOf(endpoint: Pick<Endpoint, "origin">): string {
  return `${new URL(endpoint.origin).hostname}:${portOf(endpoint)}`;
}

/** Rejects with a `TimeoutError` when the work is not done in time; what it does afterwards is nobody's business. */
export async function inTime<T>(work: Promise<T>, limitMs: number, clock: Clock): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(limitMs, () => {
    reject(Object.assign(new Error(`not done within ${limitMs} ms`), { name: "TimeoutError" }));
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
