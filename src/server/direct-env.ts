import type { Arrival } from "./arrival.ts";

/** Hono's environment on direct routes: the arrival is all that handlers may know of the connection. */
export interface DirectEnv {
  Bindings: Arrival;
}
