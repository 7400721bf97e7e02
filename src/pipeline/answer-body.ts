import type { StreamError } from "../proxy/event-verdict.ts";
import type { ChunkReader } from "../proxy/first-content.ts";
import type { StreamWatch } from "../proxy/stream-watch.ts";

/** As much of an answer's body as has been looked at already. */
export type AnswerBody =
  | { readonly kind: "unread" }
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | {
      readonly kind: "begun";
      readonly reader: ChunkReader;
      /** What was read to know how the stream begins; it goes out first. */
      readonly chunks: readonly Uint8Array[];
      /** Has seen `chunks`. Undefined for a body that is not watched. */
      readonly watch: StreamWatch | undefined;
      /** The endpoint reported an error where the answer should begin; nothing worth relaying has come. */
      readonly reported?: StreamError | undefined;
    };
