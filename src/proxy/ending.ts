/**
 * How a request's answer ended. Exactly one per request. `rejected` is an error answer of our own without any attempt;
 * `upstream-error` also says that every attempt failed; `cancelled` that an operator has ended it.
 */
export type Ending =
  | "complete"
  | "rejected"
  | "client-abort"
  | "cancelled"
  | "upstream-error"
  | "idle-timeout"
  | "response-timeout";
