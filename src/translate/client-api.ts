import type { OllaError } from "../errors.ts";
import type { JsonObject } from "../lib/json.ts";
import type { Profile } from "../profiles/profile.ts";
import type { AnswerError } from "./chat-answer.ts";
import type { Dialect } from "./dialect.ts";

export const clientApiNames = [
  "anthropic",
  "responses",
  "ollama-chat",
  "ollama-generate",
  "ollama-embed",
  "ollama-embeddings",
  "chat-completions",
  "completions",
  "embeddings",
] as const;
export type ClientApiName = (typeof clientApiNames)[number];

/**
 * A way to ask that not every endpoint knows. An endpoint whose kind knows it gets the client's bytes; for every other
 * one the request is put into a dialect that it knows, and the answer back. One per path family, built once.
 */
export interface ClientApi {
  readonly name: ClientApiName;
  /** How errors are written. */
  readonly dialect: Dialect;
  /**
   * Nearly every kind knows it: those get their requests as if there were nothing to it, and only what is translated
   * counts as such.
   */
  readonly isCommon?: true;
  /** The path at which an endpoint of this kind answers such requests itself; undefined when it does not. */
  nativePath(profile: Profile): string | undefined;
  /** Reads, once for a request, which kinds can't answer it themselves although they know the API. */
  findNativeLimits?(body: Uint8Array): (profile: Profile) => boolean;
  /** For an API whose requests have to name a model: what to say to one that does not. */
  explainMissingModel?(body: Uint8Array | undefined): OllaError;
  /**
   * Reads a request, once for all attempts.
   * @throws OllaError `invalid_request` that names the member at fault, in the client's own words
   */
  translate(request: TranslatableRequest): Translation;
}

export interface TranslatableRequest {
  /** JSON, as the client sent it. */
  readonly body: Uint8Array;
  readonly requestId: string;
}

/** One request that goes to an endpoint in another dialect than its own. */
export interface Translation {
  readonly isStream: boolean;
  /** Headers for the client: what was left out on the way. */
  readonly notices: readonly (readonly [name: string, value: string])[];
  /** For a request that no endpoint has to be asked about. */
  readonly ownAnswer?: TranslatedAnswer | undefined;
  encode(target: TranslationTarget): TranslatedRequest;
  /**
   * A whole JSON answer, as the client expects one.
   * @throws OllaError `malformed_response` when it is no answer to what was asked
   */
  decodeWhole(body: Uint8Array, target: TranslationTarget): TranslatedAnswer;
  /** Called once an answer begins to stream. */
  openStream(target: TranslationTarget): AnswerStream;
  /** What the client gets for an answer with an error status: its own dialect, the endpoint's own words. */
  renderRefusal(refusal: Refusal): TranslatedRefusal;
}

/** The endpoint that was chosen, as far as a translation may know it. */
export interface TranslationTarget {
  readonly profile: Profile;
  /** What to ask it for, and to call the model where the endpoint does not say. */
  readonly model: string;
  /** Members for the body where the client asked for nothing of the kind. */
  readonly defaults: Readonly<Record<string, unknown>> | undefined;
}

export interface TranslatedRequest {
  readonly path: string;
  /** What the endpoint's dialect wants to be told besides, unless the endpoint's own settings say it. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface TranslatedAnswer {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What an endpoint said instead of an answer. */
export interface Refusal extends AnswerError {
  readonly status: number;
  /** The error object, where the endpoint gave one. */
  readonly detail: JsonObject | undefined;
}

export interface TranslatedRefusal extends TranslatedAnswer {
  /** Mostly the endpoint's own; another where the client's dialect has a better one for what was said. */
  readonly status: number;
}

/** One streamed answer on its way. After `end` or `fail` nothing more is asked of it. */
export interface AnswerStream {
  readonly contentType: string;
  /** The client was told of an error: the endpoint's own, or that its stream is no whole answer. */
  readonly hasFailed: boolean;
  /** The client's bytes for this piece, cut anywhere; undefined when it says nothing yet. Whole events only. */
  push(chunk: Uint8Array): Uint8Array | undefined;
  /** The endpoint's stream is whole: what is left to say. Undefined when all is said. */
  end(): Uint8Array | undefined;
  /** The endpoint's stream broke: tells the client so, with no terminal event that looks like an end. */
  fail(error: OllaError): Uint8Array;
}
