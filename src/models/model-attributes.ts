import type { Model, ModelType } from "./model.ts";

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
  return { label: parameterLabel(count).toLowerCase(), count: Math.round(count) };
}

/** Writes a number of parameters as backends label it: `8B`, `3.2B`, `137M`, `180K`. */
export function parameterLabel(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1).replace(/\.0$/, "")}B`;
  if (count >= 1e6) return `${Math.round(count / 1e6)}M`;
  if (count >= 1e3) return `${Math.round(count / 1e3)}K`;
  return String(count);
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

const shortQuantizations: ReadonlyMap<string, string> = new Map([
  ...[...quantizationLabels].map(([short, label]) => [label, short] as const),
  ["FP16", "f16"],
  ["FP32", "f32"],
  ["GPTQ_4BIT", "gptq4"],
  ["GPTQ-4BIT", "gptq4"],
  ["AWQ_4BIT", "awq4"],
  ["AWQ-4BIT", "awq4"],
  ["INT8", "int8"],
  ["INT4", "int4"],
  ["MXFP4", "mxfp4"],
  ["NVFP4", "nvfp4"],
]);

const quantizationPatterns: readonly (readonly [RegExp, (groups: readonly string[]) => string])[] = [
  [/q(\d+)_k_([msl])/i, ([bits, size]) => `q${bits}k${size?.toLowerCase()}`],
  [/q(\d+)_(\d+)/i, ([bits, form]) => `q${bits}_${form}`],
  [/q(\d+)/i, ([bits]) => `q${bits}`],
  [/fp?(\d+)/i, ([bits]) => `f${bits}`],
  [/int(\d+)/i, ([bits]) => `int${bits}`],
];

/** `Q4_K_M` gives `q4km`; what is not known is lower-cased. */
export function shortenQuantization(label: string): string {
  const known = shortQuantizations.get(label.trim().toUpperCase());
  if (known !== undefined) return known;
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

const knownFamilies: readonly string[] = [
  "bloom",
  "codellama",
  "codestral",
  "command-r",
  "deepseek",
  "devstral",
  "exaone",
  "falcon",
  "gemma",
  "glm",
  "gpt-oss",
  "gpt2",
  "gptj",
  "gptneox",
  "granite",
  "hunyuan",
  "internlm",
  "kimi",
  "llama",
  "magistral",
  "minimax",
  "ministral",
  "mistral",
  "mixtral",
  "mpt",
  "nemotron",
  "olmo",
  "opt",
  "phi",
  "qwen",
  "smollm",
  "starcoder",
  "vicuna",
  "yi",
].sort((left, right) => right.length - left.length);

export interface ModelFamily {
  readonly family: string;
  readonly variant: string;
}

/** The backend's own family, else the known family that the name (without its publisher) begins with. */
export function familyOf(model: Model): ModelFamily {
  const reported = model.family ?? model.families?.[0];
  if (reported !== undefined) return { family: reported, variant: "" };
  const name = model.name.slice(model.name.lastIndexOf("/") + 1).toLowerCase();
  const family = knownFamilies.find((known) => name.startsWith(known));
  if (family === undefined) return { family: "", variant: "" };
  // "7b" in "mistral:7b" is a size, not a version.
  const version = /^[-_.:]?(\d+(?:\.\d+)?)(?![\dbmk.])/.exec(name.slice(family.length));
  return { family, variant: version?.[1] ?? "" };
}

/** The publisher that the backend names, else what stands before the name's first `/`. */
export function publisherOf(model: Model): string {
  if (model.publisher !== undefined) return model.publisher;
  const slash = model.name.indexOf("/");
  return slash > 0 ? model.name.slice(0, slash) : "";
}

/** The backend's word, else what the name gives away. */
export function typeOf(model: Model): ModelType | undefined {
  if (model.type !== undefined) return model.type;
  if (/embed/i.test(model.name)) return "embeddings";
  return /vision|vlm|llava/i.test(model.name) ? "vlm" : undefined;
}

const typeCapabilities: Readonly<Record<ModelType, readonly string[]>> = {
  llm: ["text-generation", "chat", "completion"],
  vlm: ["text-generation", "vision", "multimodal", "image-understanding"],
  embeddings: ["embeddings", "similarity", "vector-search"],
};

const nameCapabilities: readonly (readonly [RegExp, readonly string[]])[] = [
  [/code|starcoder/i, ["code-generation", "programming", "code-completion"]],
  [/instruct|chat|assistant/i, ["instruction-following", "chat"]],
  [/reasoning|think/i, ["reasoning", "logic"]],
  [/math/i, ["mathematics", "problem-solving"]],
  [/vision|vlm|llava/i, ["vision", "multimodal", "image-understanding"]],
];

/** Tokens from which a context counts as extended, long and ultra long. */
const contextThresholds = { extended: 32_000, long: 100_000, ultraLong: 1_000_000 } as const;

/** What the model can do: from its type, its name, its context length and the backend's own list. Sorted. */
export function capabilitiesOf(model: Model): readonly string[] {
  const type = typeOf(model);
  const found = new Set<string>(type === undefined ? ["text-generation"] : typeCapabilities[type]);
  for (const [pattern, capabilities] of nameCapabilities) {
    if (pattern.test(model.name)) for (const capability of capabilities) found.add(capability);
  }
  const context = model.maxContextLength ?? 0;
  if (context >= contextThresholds.ultraLong) found.add("ultra-long-context");
  if (context >= contextThresholds.long) found.add("long-context");
  else if (context >= contextThresholds.extended) found.add("extended-context");
  for (const capability of model.capabilities ?? []) found.add(capability);
  return [...found].sort();
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
