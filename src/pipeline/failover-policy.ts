import type { OllaError } from "../errors.ts";

export type AfterFailure = "next-candidate" | "give-up";

/**
 * What follows a failed attempt while another candidate is left. Nothing of an answer has reached the client when this
 * is asked, so the only question is whether another endpoint may do better.
 */
export function decideAfterFailure(error: OllaError): AfterFailure {
  return error.isRetryable ? "next-candidate" : "give-up";
}

/** Whether a failed attempt says something about the endpoint's reachability (and so takes it out of routing). */
export function demotesEndpoint(error: OllaError): boolean {
  return error.isRetryable;
}
