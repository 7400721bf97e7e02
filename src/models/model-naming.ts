import type { NamingTable } from "../config/naming-table.ts";

export interface ModelFamily {
  /** Empty when not known. */
  readonly family: string;
  readonly variant: string;
}

/** What a name gives away. Texts that it does not give away are empty. */
export interface NameReading extends ModelFamily {
  /** The name without host, organisation, folders and file ending, lower-case. */
  readonly base: string;
  readonly publisher: string;
  /** As written in the name: `7b`, `8x7b`, `135m`. */
  readonly parameterSize: string;
  /** As a backend would label it, for example `q4_k_m`. */
  readonly quantization: string;
  /** Tokens, 0 when the name does not say. Good enough for a class of lengths, not for a limit. */
  readonly contextLength: number;
  /** In the order of the table. */
  readonly capabilities: readonly string[];
}

const nothing: ModelFamily = { family: "", variant: "" };

/** Characters. What comes after them is nonsense, and patterns are slow on nonsense. */
const longestName = 400;

/** More than any fleet lists; it keeps a backend that invents names from filling the memory. */
const maxKnownNames = 20_000;

/** Families that a name may begin with although no pattern says so. */
const plainFamilies =
  "llama gemma phi qwen mistral mixtral yi deepseek codellama starcoder vicuna falcon gpt2 gptj gptneox bloom opt mpt".split(
    " ",
  );

const fileEnding = /\.(?:gguf|ggml|bin|safetensors|llamafile)$/;
/** A part of a file that was split: `-00001-of-00003`. */
const splitPart = /-\d{5}-of-\d{5}$/;
const sizeInName = /(?<![a-z0-9.])((?:\d+x)?\d+(?:\.\d+)?[bm])(?![a-z0-9])/;
const contextInName = /(?<![a-z0-9.])(\d{1,4})(k|m)(?![a-z0-9])/g;
const commonQuantizations =
  "iq\\d_(?:xxs|xs|s|m|nl)|q\\d_k_(?:xxl|xl|xs|[sml])|q\\d_k|q\\d_\\d|tq\\d_0|w\\d+a\\d+|bf16|fp?(?:16|32)|fp[48]|int[48]|(?:mx|nv)fp4|\\d-?bit";

/** Reads names by one table. Holds what it read, since the same names come back with every list. */
export class NameReader {
  readonly #table: NamingTable;
  readonly #quantization: RegExp;
  readonly #publisherWords: readonly string[];
  readonly #known = new Map<string, NameReading>();

  constructor(table: NamingTable) {
    this.#table = table;
    const own = [...table.quantizations.keys()].sort(byLength).map(RegExp.escape).join("|");
    const alternatives = own === "" ? commonQuantizations : `${commonQuantizations}|${own}`;
    this.#quantization = new RegExp(`(?<![a-z0-9])(${alternatives})(?![a-z0-9])`, "i");
    const publishers = [...new Set(table.publishers.values())].map((name) => name.toLowerCase());
    this.#publisherWords = publishers.flatMap((name) => [`${name}ai`, name]).sort(byLength);
  }

  read(name: string): NameReading {
    let reading = this.#known.get(name);
    if (reading === undefined) {
      if (this.#known.size >= maxKnownNames) this.#known.clear();
      reading = this.#readAnew(name);
      this.#known.set(name, reading);
    }
    return reading;
  }

  /** The family of a backend's word for an architecture; `undefined` when the table does not have it. */
  familyOfArchitecture(architecture: string): string | undefined {
    const word = architecture.trim().toLowerCase();
    if (this.#table.preservedFamilies.includes(word)) return word;
    return this.#table.architectureFamilies.get(word) ?? this.#table.familyAliases.get(word);
  }

  /** The family that the name is, by the rule for families that are kept whole. */
  preservedFamily(name: string): string | undefined {
    const { base } = this.read(name);
    return this.#findPreserved(base);
  }

  isGeneric(name: string): boolean {
    return this.#table.genericNames.has(this.read(name).base);
  }

  #readAnew(name: string): NameReading {
    const path = withoutHost(name.trim().slice(0, longestName).replaceAll("\\", "/"));
    const whole = path
      .toLowerCase()
      .replace(fileEnding, "")
      .replace(splitPart, "")
      .replace(/:latest$/, "");
    const base = whole.slice(whole.lastIndexOf("/") + 1);
    const family = this.#findFamily(whole, base);
    return {
      ...family,
      base,
      publisher: this.#findPublisher(path, base, family.family),
      parameterSize: sizeInName.exec(base)?.[1] ?? "",
      quantization: this.#findQuantization(base),
      contextLength: findContext(base),
      capabilities: this.#table.namePatterns
        .filter(({ pattern }) => pattern.test(base))
        .flatMap(({ capabilities }) => capabilities),
    };
  }

  #findFamily(whole: string, base: string): ModelFamily {
    const bare = this.#withoutPublisher(base);
    // A path says nothing by its first part; `publisher/name` does, and some patterns want to see it.
    const candidates = /^[^/]+\/[^/]+$/.test(whole) ? [whole, base, bare] : [base, bare];
    const preserved = this.#findPreserved(base);
    if (preserved !== undefined) return { family: preserved, variant: "" };
    for (const candidate of new Set(candidates)) {
      const found = this.#matchPatterns(candidate) ?? this.#matchBeginning(candidate);
      if (found !== undefined) return found;
    }
    return nothing;
  }

  #findPreserved(base: string): string | undefined {
    const words = [base, this.#withoutPublisher(base)];
    return this.#table.preservedFamilies.find((family) =>
      words.some((word) => word.startsWith(family) && /^(?:$|[-_:.])/.test(word.slice(family.length))),
    );
  }

  #matchPatterns(name: string): ModelFamily | undefined {
    for (const { pattern, familyGroup, variantGroup } of this.#table.familyPatterns) {
      const match = pattern.exec(name);
      const family = match?.[familyGroup];
      const end = match?.indices?.[familyGroup]?.[1];
      if (match === null || family === undefined || end === undefined) continue;
      const variant = match[variantGroup] ?? "";
      // "deepseek-ai/…" is a publisher, "deepseeker" another word.
      if (variant.includes("/") || /^[a-z]/.test(name.slice(end))) continue;
      const rest = name.slice(match.indices?.[variantGroup]?.[1] ?? end);
      return { family, variant: tidyVariant(variant, rest) };
    }
    return undefined;
  }

  #matchBeginning(name: string): ModelFamily | undefined {
    const word = name.split(/[-_:/]/, 1)[0] ?? "";
    const alias = longestBeginning(word, this.#table.familyAliases.keys());
    const family =
      alias === undefined ? longestBeginning(word, plainFamilies) : this.#table.familyAliases.get(alias);
    // The word that began it may be no more than the publisher's.
    if (family === undefined || name.startsWith(`${word}/`)) return undefined;
    return { family, variant: "" };
  }

  #findPublisher(path: string, base: string, family: string): string {
    const parts = path.split("/");
    // A file's only folder is where it lies; a library of files is sorted by who made them.
    const isFile = fileEnding.test(path.toLowerCase()) && parts.length < 3;
    const [first = ""] = parts;
    if (parts.length > 1 && !isFile && first !== "" && !/^[.~]|^[a-z]:/i.test(first)) return first;
    const words = [base, this.#withoutPublisher(base), family];
    for (const word of words) {
      const key = longestBeginning(word, this.#table.publishers.keys());
      if (key !== undefined) return this.#table.publishers.get(key) ?? "";
    }
    return "";
  }

  #withoutPublisher(base: string): string {
    const word = this.#publisherWords.find(
      (publisher) => base.startsWith(publisher) && /^[-_][a-z]{2}/.test(base.slice(publisher.length)),
    );
    return word === undefined ? base : base.slice(word.length + 1);
  }

  #findQuantization(base: string): string {
    const packed =
      /(?<![a-z])(awq|gptq)(?![a-z])(?:[-_]?(?:int|w)?(\d)(?:-?bits?)?(?![\d.]|b(?![a-z])))?/.exec(base);
    if (packed !== null) return `${packed[1]}${packed[2] ?? ""}`;
    return this.#quantization.exec(base)?.[1] ?? "";
  }
}

function byLength(left: string, right: string): number {
  return right.length - left.length;
}

/** The longest word that `name` begins with, unless the next character goes on with the word. */
function longestBeginning(name: string, words: Iterable<string>): string | undefined {
  let longest: string | undefined;
  for (const word of words) {
    if (word.length <= (longest?.length ?? 0) || !name.startsWith(word)) continue;
    if (!/^[a-z]/.test(name.slice(word.length))) longest = word;
  }
  return longest;
}

/** `hf.co/org/name` is `org/name` that was fetched from a place. */
function withoutHost(path: string): string {
  return path.replace(/^[^/]+\.[^/]+\/(?=[^/]+\/)/, "");
}

/** What a pattern took for the variant: a number whole or not at all, since "7" of "llama-7b" is no version. */
function tidyVariant(variant: string, rest: string): string {
  if (!/^\d+(?:\.\d+)?$/.test(variant)) return variant.replace(/^[-_.:]+/, "");
  const more = /^\d*(?:\.\d+)?/.exec(rest)?.[0] ?? "";
  return /^[bm](?![a-z0-9])/.test(rest.slice(more.length)) ? "" : variant + more;
}

function findContext(base: string): number {
  let longest = 0;
  for (const [, digits, unit] of base.matchAll(contextInName)) {
    // "135m" is a size; "1m" beside a size is a context.
    if (unit === "m" && (digits !== "1" || !/\db/.test(base))) continue;
    longest = Math.max(longest, Number(digits) * (unit === "m" ? 1_000_000 : 1000));
  }
  return longest;
}
