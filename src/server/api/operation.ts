import type { z } from "zod";
import type { ErrorCode } from "../../errors.ts";

/**
 * Who may ask: everybody; whoever has the admin key, and everybody where there is none; whoever has it, and programs of
 * this machine where there is none; holders of a client's key, and everybody where there are none.
 */
export type Access = "open" | "reader" | "admin" | "client";

/** What comes back when it went well, with status 200. */
export type Answer =
  | { readonly schema: z.ZodType; readonly description: string }
  | { readonly mediaType: string; readonly description: string };

/**
 * One thing that Olla does itself when asked over HTTP. `docs/openapi.json` is made of these, and a test asks a running
 * Olla for each of them and holds the answer against its schema, so a schema is strict: it knows every member.
 */
export interface Operation {
  /** Unlike every other one's: programs that are generated from the document name their functions after it. */
  readonly id: string;
  readonly group: ApiGroup;
  readonly method: "get" | "post";
  /** With `{name}` for each part that is said in `pathParameters`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly pathParameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly answer: Answer;
  /** Beside those that come of `access`. */
  readonly errors?: readonly ErrorCode[];
}

export const apiGroups = {
  Status: "How Olla and its endpoints are.",
  Requests: "What is under way, and what has become of requests.",
  Maintenance: "What operators do while Olla runs. Nothing of it outlives a restart.",
  Statistics: "Counted since the start of the process.",
  Models: "What can be asked for, over all endpoints.",
  About: "What this is.",
} as const;

export type ApiGroup = keyof typeof apiGroups;

/** Paths that lead to endpoints: said in the document with what they have in common, and by nobody's schema. */
export interface ProxiedPath {
  readonly id: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
}
