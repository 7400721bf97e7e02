/**
 * How a request's answer ended. Exactly one per request. `rejected` is an error answer of our own without any attempt;
 * `upstream-error` also says that every attempt failed.
 */
export type Ending =
  | "complete"
  | "rejected"
  | "client-abort"
  | "upstream-error"
  | "idle-timeout"
  | "response-timeout";
