import type { NamingTable } from "../config/naming-table.ts";
import type { NameHints } from "../profiles/profile.ts";
import { fallbackProfileName, type ProfileSet } from "../profiles/profile-set.ts";
import { type Model, type ModelType, type Skill, skills } from "./model.ts";
import { type ModelFamily, NameReader, type NameReading } from "./model-naming.ts";

export interface ParameterSize {
  /** Like `8b`, `3.2b`, `137m`; the backend's own text where it is not a plain number. */
  readonly label: string;
  /** 0 when not known. */
  readonly count: number;
}

const countUnits: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9 };

/** Reads `70.6B`, `137M`, `180K` or `8` (billions) as the backend labels it. */
export function parseParameterSize(text: string): ParameterSize {
  const match = /^(\d+(?:\.\d+)?)\s*([KMB]?)$/.exec(text.trim().toUpperCase());
  if (match === null) return { label: text, count: 0 };
  const count = Number(match[1]) * (countUnits[match[2] || "B"] ?? 1e9);
  // "0.5B" stays so; nobody calls that model 500m.
  const label = match[2] === "M" || match[2] === "K" ? parameterLabel(count) : billions(count);
  return { label: label.toLowerCase(), count: Math.round(count) };
}

/** Writes a number of parameters as backends label it: `8B`, `3.2B`, `137M`, `180K`. */
export function parameterLabel(count: number): string {
  if (count >= 1e9) return billions(count);
  if (count >= 1e6) return `${Math.round(count / 1e6)}M`;
  if (count >= 1e3) return `${Math.round(count / 1e3)}K`;
  return String(count);
}

function billions(count: number): string {
  return `${(count / 1e9).toFixed(1).replace(/\.0$/, "")}B`;
}

/** Our short form of a quantisation against the label that GGUF backends print. */
const quantizationLabels: ReadonlyMap<string, string> = new Map(
  Object.entries({
    q2k: "Q2_K",
    q3kl: "Q3_K_L",
    q3km: "Q3_K_M",
    q3ks: "Q3_K_S",
    q4: "Q4_0",
    q4_1: "Q4_1",
    q4km: "Q4_K_M",
    q4ks: "Q4_K_S",
    q4kxl: "Q4_K_XL",
    q5: "Q5_0",
    q5_1: "Q5_1",
    q5km: "Q5_K_M",
    q5ks: "Q5_K_S",
    q6k: "Q6_K",
    q8: "Q8_0",
    f16: "F16",
    f32: "F32",
    bf16: "BF16",
    unk: "unknown",
  }),
);

const quantizationPatterns: readonly (readonly [RegExp, (groups: readonly string[]) => string])[] = [
  [/q(\d+)_k_([msl])/i, ([bits, size]) => `q${bits}k${size?.toLowerCase()}`],
  [/q(\d+)_(\d+)/i, ([bits, form]) => `q${bits}_${form}`],
  [/q(\d+)/i, ([bits]) => `q${bits}`],
  [/fp?(\d+)/i, ([bits]) => `f${bits}`],
  [/int(\d+)/i, ([bits]) => `int${bits}`],
];

/** `Q4_K_M` gives `q4km`; what neither the table nor a rule knows is lower-cased. */
export function shortenQuantization(label: string, table: Pick<NamingTable, "quantizations">): string {
  const known = table.quantizations.get(label.trim().toUpperCase());
  if (known !== undefined) return known;
  if (/^(?:awq|gptq)\d?$/i.test(label.trim())) return label.trim().toLowerCase();
  for (const [pattern, write] of quantizationPatterns) {
    const match = pattern.exec(label);
    if (match !== null) return write(match.slice(1));
  }
  return label.trim().toLowerCase();
}

/** The reverse of `shortenQuantization`, for lists that show the backend's notation. */
export function labelQuantization(short: string): string {
  return quantizationLabels.get(short) ?? short;
}

/**
 * `no` only where the backend has said it, by a list of all that a model can do or by its type. A name is never more
 * than a reason for `yes`.
 */
export type SkillKnowledge = "yes" | "no" | "unknown";

/** What one entry of one list says about its model, by its members and else by its name. Unknown texts are empty. */
export interface ModelTraits extends ModelFamily {
  readonly type: ModelType | undefined;
  /** 0 and "" when not known. */
  readonly size: ParameterSize;
  /** Short, like `q4km`. */
  readonly quantization: string;
  readonly publisher: string;
  readonly capabilities: readonly string[];
  /** Tokens, by the name alone; `undefined` where the backend says it itself, or nobody knows. For display only. */
  readonly guessedContextLength: number | undefined;
  /** For choosing among places; `capabilities` are for display. */
  readonly skills: Readonly<Record<Skill, SkillKnowledge>>;
}

export interface ModelDescriberOptions {
  readonly naming: NamingTable;
  /** Whose patterns are the last to be asked; none where no profiles are given. */
  readonly profiles?: Pick<ProfileSet, "byName">;
}

/** Reads models: what the backend says first, what the name gives away by the table second, by profiles third. */
export class ModelDescriber {
  readonly #table: NamingTable;
  readonly #names: NameReader;
  readonly #profiles: Pick<ProfileSet, "byName"> | undefined;
  /** Models are never changed, and live as long as the list that they came with. */
  readonly #described = new WeakMap<Model, ModelTraits>();

  constructor({ naming, profiles }: ModelDescriberOptions) {
    this.#table = naming;
    this.#names = new NameReader(naming);
    this.#profiles = profiles;
  }

  /** The same record for the same model. `backendType` is the profile name of the endpoint that listed it. */
  describe(model: Model, backendType = fallbackProfileName): ModelTraits {
    let traits = this.#described.get(model);
    if (traits === undefined) {
      traits = this.#describeAnew(model, this.#hintsFor(backendType));
      this.#described.set(model, traits);
    }
    return traits;
  }

  #hintsFor(backendType: string): readonly NameHints[] {
    return [...new Set([backendType, fallbackProfileName])].flatMap((name) => {
      const profile = this.#profiles?.byName(name);
      return profile?.nameHints ?? [];
    });
  }

  #describeAnew(model: Model, hints: readonly NameHints[]): ModelTraits {
    const reading = this.#names.read(model.name);
    const quantization = model.quantization ?? reading.quantization;
    const guessed = guessable(model, withHints(model.name, reading, hints));
    const guessedContextLength =
      model.maxContextLength === undefined ? guessContext(model.name, reading, hints) : undefined;
    const contextLength = model.maxContextLength ?? guessedContextLength ?? 0;
    const capabilities = this.#findCapabilities(model, guessed, contextLength);
    return {
      ...this.#findFamily(model, reading),
      type: model.type ?? typeByGuess(guessed),
      size: parseParameterSize(model.parameterSize ?? reading.parameterSize),
      quantization: quantization === "" ? "" : shortenQuantization(quantization, this.#table),
      publisher: model.publisher ?? reading.publisher,
      capabilities,
      guessedContextLength,
      skills: knowSkills(model, capabilities),
    };
  }

  #findFamily(model: Model, reading: NameReading): ModelFamily {
    // Kimi's architecture is DeepSeek's, and it is Kimi all the same.
    const preserved = this.#names.preservedFamily(model.name);
    if (preserved !== undefined) return { family: preserved, variant: "" };
    const reported = model.family ?? model.families?.[0];
    if (reported === undefined) return { family: reading.family, variant: reading.variant };
    const family = this.#names.familyOfArchitecture(reported) ?? reported;
    if (reading.variant !== "" && family.includes(reading.family)) {
      return { family, variant: reading.variant };
    }
    const isNamed = reading.base.includes(family) || this.#names.isGeneric(model.name);
    const version = /\d+(?:\.\d+)?$/.exec(reported)?.[0] ?? "";
    return { family, variant: isNamed && family !== reported ? version : "" };
  }

  #findCapabilities(model: Model, guessed: readonly string[], contextLength: number): readonly string[] {
    const type = model.type ?? typeByGuess(guessed);
    const byType = type === undefined ? undefined : this.#table.typeCapabilities.get(type);
    const found = new Set<string>(byType ?? ["text-generation"]);
    for (const capability of guessed) found.add(capability);
    for (const capability of model.capabilities ?? []) {
      found.add(capability);
      const ours = otherWords.get(capability.toLowerCase());
      if (ours !== undefined) found.add(ours);
    }
    // What embeds, ranks or listens writes no text, unless its backend says that it does.
    if (model.type === undefined || model.type === "embeddings") {
      if (wordless.some((capability) => found.has(capability))) found.delete("text-generation");
    }
    for (const capability of this.#byContext(contextLength)) found.add(capability);
    return [...found].sort();
  }

  #byContext(tokens: number): readonly string[] {
    const { ultraLong, long, extended } = this.#table.contextThresholds;
    if (tokens >= ultraLong) return ["ultra-long-context", "long-context"];
    if (tokens >= long) return ["long-context"];
    return tokens >= extended ? ["extended-context"] : [];
  }
}

/** How backends put what we have a word for. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ["tool_use", "tools"],
  ["tool-use", "tools"],
  ["tool-calling", "tools"],
  ["tool_calls", "tools"],
  ["function_calling", "tools"],
  ["function-calling", "tools"],
  ["thinking", "reasoning"],
  ["embedding", "embeddings"],
  ["reranking", "rerank"],
  ["tts", "speech"],
  ["stt", "transcription"],
  ["image", "image-generation"],
]);

const wordless: readonly string[] = ["embeddings", "rerank", "transcription", "speech", "image-generation"];

/** Capabilities that make a model something else than a writer of text. */
const kindOfWork: ReadonlySet<string> = new Set([
  "vision",
  "multimodal",
  "image-understanding",
  "embeddings",
  "similarity",
  "vector-search",
  "rerank",
  "transcription",
  "speech",
]);

function knowSkills(model: Model, capabilities: readonly string[]): ModelTraits["skills"] {
  const known = skills.map((skill): [Skill, SkillKnowledge] => {
    const stated = model.statedSkills?.[skill];
    if (stated !== undefined) return [skill, stated ? "yes" : "no"];
    return [skill, capabilities.includes(skill) ? "yes" : "unknown"];
  });
  return Object.fromEntries(known) as Record<Skill, SkillKnowledge>;
}

/** The table's word is better: patterns say what kind of work a model does only where the table says nothing of it. */
function withHints(name: string, reading: NameReading, hints: readonly NameHints[]): readonly string[] {
  const hinted = hints
    .flatMap((each) => each.capabilities)
    .filter(({ matches }) => matches(reading.base) || matches(name))
    .map(({ capability }) => capability);
  const isKindKnown = reading.capabilities.some((capability) => kindOfWork.has(capability));
  return [
    ...reading.capabilities,
    ...hinted.filter((capability) => !(isKindKnown && kindOfWork.has(capability))),
  ];
}

function guessContext(name: string, reading: NameReading, hints: readonly NameHints[]): number | undefined {
  const hinted = hints
    .flatMap((each) => each.contexts)
    .find(({ matches }) => matches(reading.base) || matches(name));
  return hinted?.tokens ?? (reading.contextLength > 0 ? reading.contextLength : undefined);
}

/** What a name may add to what the backend says: nothing that the backend has already decided. */
function guessable(model: Model, guessed: readonly string[]): readonly string[] {
  return guessed.filter((capability) => {
    if (skills.some((skill) => skill === capability && model.statedSkills?.[skill] === false)) return false;
    if (capability === "tools" && model.capabilities !== undefined) return false;
    // A model of embeddings may rank as well, and nothing in such a list would tell.
    if (model.type === "embeddings" && capability === "rerank") return true;
    return model.type === undefined || !kindOfWork.has(capability);
  });
}

function typeByGuess(guessed: readonly string[]): ModelType | undefined {
  if (guessed.includes("embeddings")) return "embeddings";
  return guessed.includes("vision") ? "vlm" : undefined;
}

/** The backend's own word, else `available` for what it has on disk. Never decides routing. */
export function stateOf(model: Model): string {
  return model.state ?? ((model.sizeBytes ?? 0) > 0 ? "available" : "unknown");
}

/** Under which word a backend kind's names are kept: `lm-studio` gives `lmstudio`. */
export function platformOf(backendType: string, format: string | undefined): string {
  const platform = backendType.toLowerCase().replace(/[-_]/g, "");
  if (platform !== "") return platform;
  return format?.toLowerCase().includes("gguf") ? "ollama" : "openai";
}
