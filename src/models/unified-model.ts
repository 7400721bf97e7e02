import type { Model, ModelType } from "./model.ts";
import type { ModelTraits } from "./model-attributes.ts";

/** One name under which one endpoint serves a unified model. */
export interface ModelSource {
  readonly endpointName: string;
  /** As the endpoint spells it; of an alias, the alias. What the endpoint is asked for is `model.name`. */
  readonly nativeName: string;
  /** The endpoint's profile name. */
  readonly backendType: string;
  /** The profile name without `-` and `_`, lower-case: `lmstudio`, `openaicompatible`. */
  readonly platform: string;
  /** The backend's word, else `available` when the size on disk is known, else `unknown`. */
  readonly state: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch: the last answer of the endpoint that listed it. */
  readonly lastSeenAt: number;
  readonly model: Model;
  /** What its members and its name tell. */
  readonly traits: ModelTraits;
  /** Of an alias: which of its models this is, counted in the order in which they are tried. */
  readonly targetIndex?: number;
}

/** What several endpoints serve as the same model, by digest or by name. Texts that are not known are empty. */
export interface UnifiedModel {
  /** The first native name that is no other model's id; else the first one with the end of its digest. */
  readonly id: string;
  readonly family: string;
  readonly variant: string;
  readonly type?: ModelType;
  /** Like `8b` or `137m`. */
  readonly parameterSize: string;
  /** 0 when not known. */
  readonly parameterCount: number;
  /** Like `q4km`; each source's `model.quantization` keeps the backend's own label. */
  readonly quantization: string;
  readonly format: string;
  readonly publisher: string;
  /** Tokens, as a backend says it. */
  readonly maxContextLength?: number;
  /** Tokens, by the name alone, where no backend says it. Shown as an estimate, and never in a backend's own list. */
  readonly guessedContextLength?: number;
  /** Every name with every platform that uses it, in the order of the sources. */
  readonly aliases: readonly ModelAlias[];
  /** By endpoint name, then by length of name. Never empty. */
  readonly sources: readonly ModelSource[];
  /** Sorted. */
  readonly capabilities: readonly string[];
  /** Sum over endpoints; several names of one file on one endpoint count once. */
  readonly totalSizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
  /** Of an alias of the operator's: the models that it stands for, as configured. Then all else is said of the first that is there. */
  readonly aliasOf?: readonly string[];
}

/** The sources that say what the model is. */
export function describingSources({ sources }: Pick<UnifiedModel, "sources">): readonly ModelSource[] {
  const first = sources[0]?.targetIndex;
  return first === undefined ? sources : sources.filter(({ targetIndex }) => targetIndex === first);
}

/** A name of a unified model, as its endpoints use it. */
export interface ModelAlias {
  readonly name: string;
  /** Platform of the source that uses it. */
  readonly source: string;
}
