import type { ListFormat } from "../profiles/profile.ts";

/** What kind of work a model does, where its backend says so. */
export type ModelType = "llm" | "vlm" | "embeddings";

/** What a request may need of a model besides text. */
export const skills = ["vision", "tools", "embeddings"] as const;
export type Skill = (typeof skills)[number];

/** What a backend says that a model can do and cannot do. It says nothing of the skills that are absent. */
export type StatedSkills = Readonly<Partial<Record<Skill, boolean>>>;

/** One entry of one endpoint's model list, after parsing. Only `name` is certain. */
export interface Model {
  /** As the endpoint spells it, capitals included: this is what must be sent to it. */
  readonly name: string;
  readonly type?: ModelType;
  readonly description?: string;
  readonly sizeBytes?: number;
  readonly digest?: string;
  readonly family?: string;
  readonly families?: readonly string[];
  /** As the backend labels it, for example `8.0B`. */
  readonly parameterSize?: string;
  /** As the backend labels it, for example `Q4_K_M`. */
  readonly quantization?: string;
  readonly format?: string;
  readonly publisher?: string;
  readonly parentModel?: string;
  /** The backend's own word: `loaded`, `not-loaded`, `available` … */
  readonly state?: string;
  /** Tokens. */
  readonly maxContextLength?: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt?: number;
  readonly capabilities?: readonly string[];
  readonly statedSkills?: StatedSkills;
  /** Lemonade: the repository and file that the model was made from. */
  readonly checkpoint?: string;
  /** Lemonade: which engine runs it. */
  readonly recipe?: string;
  /** What the backend said besides, as it said it. Shown again in lists of `nativeFormat`, and nowhere else. */
  readonly nativeFields?: Readonly<Record<string, unknown>>;
  /** Of the list that the model was in; there where `nativeFields` are. */
  readonly nativeFormat?: ListFormat;
}
