import type { Outcome } from "./outcome.ts";

/** What a client got. `left`: it went away, or an operator ended the request, which says nothing about anybody. */
export type RequestResult = "success" | "failure" | "left";

/** A success is answered below 400, and to the end. */
export function resultOf({ status, ending }: Outcome): RequestResult {
  if (ending === "client-abort" || ending === "cancelled") return "left";
  return status < 400 && ending === "complete" ? "success" : "failure";
}
