/** How the body of an answer ended. Exactly one per request. */
export type Ending = "complete" | "client-abort" | "upstream-error" | "idle-timeout" | "response-timeout";
