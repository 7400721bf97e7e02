import type { OllaError } from "../errors.ts";

export type AfterFailure = "next-candidate" | "give-up";

/**
 * What follows a failed attempt. Nothing of an answer has reached the client when this is asked, so the only
 * questions are whether another endpoint may do better and whether there is one.
 */
export function decideAfterFailure(error: OllaError, candidatesLeft: number): AfterFailure {
  if (error.code === "client_abort") return "give-up";
  return error.isRetryable && candidatesLeft > 0 ? "next-candidate" : "give-up";
}

/** Whether a failed attempt says something about the endpoint's reachability (and so takes it out of routing). */
export function demotesEndpoint(error: OllaError): boolean {
  return error.isRetryable;
}
