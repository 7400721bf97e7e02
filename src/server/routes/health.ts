import type { Handler } from "hono";
import type { DirectEnv } from "../direct-env.ts";
import { jsonResponse } from "../json-response.ts";

/** Liveness of Olla itself: says nothing of endpoints, and is as cheap as an answer can be. */
export const health: Handler<DirectEnv> = () => jsonResponse({ status: "healthy" });
