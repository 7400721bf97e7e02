/**
 * What a client asks of a chat model, in no dialect. Each client dialect decodes its requests into it, each endpoint
 * dialect encodes it. What no second dialect can say is not in here.
 */
export interface ChatRequest {
  /** As the client spelled it. */
  readonly model: string;
  /** In the client's order. Never empty. */
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice | undefined;
  /** Undefined: left to the endpoint. */
  readonly allowsParallelTools: boolean | undefined;
  readonly limits: AnswerLimits;
  readonly sampling: Sampling;
  readonly answerFormat: AnswerFormat | undefined;
  readonly reasoning: ReasoningWish | undefined;
  readonly isStream: boolean;
  /** Who the client's own user is, for endpoints that keep account. */
  readonly user: string | undefined;
}

export type ChatMessage = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

/** Instructions, at any place of the conversation. */
export interface SystemMessage {
  readonly role: "system";
  readonly text: string;
}

export interface UserMessage {
  readonly role: "user";
  /** Not empty. */
  readonly parts: readonly ContentPart[];
}

export interface AssistantMessage {
  readonly role: "assistant";
  /** In order; not empty. */
  readonly parts: readonly AssistantPart[];
}

/** The result of one tool call. */
export interface ToolMessage {
  readonly role: "tool";
  readonly callId: string;
  /** Empty where the tool said nothing. */
  readonly parts: readonly ContentPart[];
  readonly isError: boolean;
}

export type ContentPart = TextPart | ImagePart | DocumentPart | AudioPart;

export interface TextPart {
  readonly kind: "text";
  readonly text: string;
}

export interface ImagePart {
  readonly kind: "image";
  readonly source: DataSource | UrlSource;
  /** OpenAI's `detail`. */
  readonly detail?: string | undefined;
}

/** A file for the model to read. */
export interface DocumentPart {
  readonly kind: "document";
  readonly source: DataSource | UrlSource | TextSource;
  readonly name?: string | undefined;
}

export interface AudioPart {
  readonly kind: "audio";
  readonly base64: string;
  /** `wav`, `mp3` … */
  readonly format: string;
}

export interface DataSource {
  readonly kind: "data";
  readonly mediaType: string;
  readonly base64: string;
}

export interface UrlSource {
  readonly kind: "url";
  readonly url: string;
}

export interface TextSource {
  readonly kind: "text";
  readonly text: string;
}

export type AssistantPart = TextPart | ReasoningPart | RefusalPart | ToolCallPart;

export interface ReasoningPart {
  readonly kind: "reasoning";
  readonly text: string;
  /** What the endpoint that thought it wants back with it; opaque. */
  readonly signature?: string | undefined;
}

export interface RefusalPart {
  readonly kind: "refusal";
  readonly text: string;
}

export interface ToolCallPart {
  readonly kind: "tool-call";
  readonly id: string;
  readonly name: string;
  /** JSON text, as it was said; `{}` where nothing was. */
  readonly argumentsJson: string;
}

/** A function that the client will run. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string | undefined;
  /** JSON Schema, unchanged. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly isStrict: boolean | undefined;
}

export type ToolChoice =
  | { readonly kind: "auto" | "none" | "required" }
  | { readonly kind: "tool"; readonly name: string };

export interface AnswerLimits {
  /** Undefined: as long as the endpoint likes. */
  readonly maxTokens: number | undefined;
  readonly stopSequences: readonly string[];
}

/** Undefined members are left to the endpoint. */
export interface Sampling {
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly topK?: number | undefined;
  readonly minP?: number | undefined;
  readonly seed?: number | undefined;
  readonly presencePenalty?: number | undefined;
  readonly frequencyPenalty?: number | undefined;
  readonly repeatPenalty?: number | undefined;
}

export type AnswerFormat =
  | { readonly kind: "json" }
  | {
      readonly kind: "schema";
      readonly name: string;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly isStrict: boolean | undefined;
      readonly description: string | undefined;
    };

export interface ReasoningWish {
  /** False: the client asked for none. */
  readonly isOn: boolean;
  /** `minimal`, `low`, `medium`, `high`, where the client said so. */
  readonly effort: string | undefined;
  readonly budgetTokens: number | undefined;
}
