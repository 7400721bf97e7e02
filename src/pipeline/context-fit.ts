import type { Candidate } from "../balancer/balancer.ts";
import { isObject, parseJson } from "../lib/json.ts";
import type { Refusal } from "../translate/client-api.ts";
import { findContextOverflow } from "../translate/context-overflow.ts";
import { textOf } from "../translate/wire.ts";
import type { AnswerBody } from "./answer-body.ts";
import type { Inspection } from "./inspect.ts";
import { readRefusalOf } from "./refusal-words.ts";

/** How many tokens the model of a candidate can take at its endpoint; undefined where the endpoint does not say. */
export type ContextOf = (candidate: Candidate) => number | undefined;

const bytesPerToken = 4;

/** Members that hold pictures, sound or files, whose bytes say nothing about tokens. */
const binaryMembers: ReadonlySet<string> = new Set(["data", "images", "file_data", "b64_json", "image_url"]);

/**
 * Whether a request is longer than so many tokens, as far as its text tells: a token for every four bytes. The body is
 * taken apart only where all of it would be too long.
 */
export function isLongerThan({ body, scan }: Pick<Inspection, "body" | "scan">): (tokens: number) => boolean {
  let estimate: number | undefined;
  return (tokens) => {
    if (body === undefined || scan?.isObject !== true || body.byteLength <= tokens * bytesPerToken)
      return false;
    estimate ??= Math.floor(textBytes(parseJson(textOf(body))) / bytesPerToken);
    return estimate > tokens;
  };
}

/** Without recursion, because a client decides how deep it goes. */
function textBytes(root: unknown): number {
  let bytes = 0;
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "string") bytes += value.startsWith("data:") ? 0 : Buffer.byteLength(value);
    else if (Array.isArray(value)) for (const item of value) left.push(item);
    else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) if (!binaryMembers.has(name)) left.push(member);
    }
  }
  return bytes;
}

/**
 * Where a request may go that an endpoint has refused because it is too long: to `cloud` candidates, less those that are
 * known to take no more than that one. None for any other refusal.
 */
export function roomierThan(
  { status, body }: { readonly status: number; readonly body: AnswerBody },
  failed: Candidate,
  left: readonly Candidate[],
  contextOf: ContextOf,
): readonly Candidate[] {
  if (failed.endpoint.isCloud === true) return [];
  const clouds = left.filter(({ endpoint }) => endpoint.isCloud === true);
  if (clouds.length === 0) return [];
  const refusal: Refusal | undefined = readRefusalOf(body, status);
  const overflow = refusal && findContextOverflow(refusal);
  if (overflow === undefined) return [];
  const fits = Math.max(overflow.maxTokens ?? contextOf(failed) ?? 0, (overflow.promptTokens ?? 1) - 1);
  return clouds.filter((candidate) => (contextOf(candidate) ?? Number.POSITIVE_INFINITY) > fits);
}
