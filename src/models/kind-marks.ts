import type { ListFormat, Profile } from "../profiles/profile.ts";
import type { ListAnswer } from "./fetch-model-list.ts";
import { ModelListError } from "./list-parsers/model-list-error.ts";
import { parseModelList } from "./list-parsers/parse-model-list.ts";
import type { Model } from "./model.ts";

/** One answer, read as one kind of backend would have meant it. */
export interface KindReading {
  readonly profile: Profile;
  readonly models: readonly Model[];
  /** How much speaks for this kind; 0 when the list is of a shape that many kinds have. */
  readonly score: number;
}

/** A program that names itself is believed before one whose list has a familiar shape: several imitate Ollama's. */
const markScores = { ownName: 5, shape: 3 } as const;

type Wire = Readonly<Record<string, unknown>>;
type ShapeVerdict = "own" | "possible" | "foreign";

/** @returns `undefined` when the answer is no list of this kind. */
export function readAsKind(profile: Profile, answer: ListAnswer): KindReading | undefined {
  try {
    const { models, entries, top } = parseModelList(profile.listFormat, answer.body);
    if (entries.length > 0 && models.length === 0) return undefined;
    const records = entries.filter(isRecord);
    const shape = judgeShape(profile.listFormat, records, top);
    if (shape === "foreign") return undefined;
    const score =
      (shape === "own" ? markScores.shape : 0) +
      (isNamedByOwner(profile, records) ? markScores.ownName : 0) +
      (isNamedByHeader(profile, answer.headers) ? markScores.ownName : 0);
    return { profile, models, score };
  } catch (error) {
    if (error instanceof ModelListError) return undefined;
    throw error;
  }
}

/** Whether a list that parses as this format looks like one of a backend that has it. */
function judgeShape(format: ListFormat, entries: readonly Wire[], top: Wire): ShapeVerdict {
  const hasAny = (names: readonly string[]) =>
    entries.some((entry) => names.some((name) => Object.hasOwn(entry, name)));
  switch (format) {
    case "ollama":
      // llama.cpp answers Ollama's path too, with both lists in one body.
      return Array.isArray(top.data) ? "foreign" : "own";
    case "lmstudio":
      if (hasAny(["state", "compatibility_type", "arch"])) return "own";
      return entries.length === 0 ? "possible" : "foreign";
    case "llamacpp":
      return Array.isArray(top.models) ? "own" : "possible";
    case "lemonade":
      return hasAny(["recipe"]) ? "own" : "possible";
    case "openai":
    case "vllm":
    case "vllm-mlx":
    case "sglang":
    case "lmdeploy":
    case "docker-model-runner":
      return "possible";
  }
}

/** By all entries that name an owner: a gateway shows the owners of many programs. */
function isNamedByOwner(profile: Profile, entries: readonly Wire[]): boolean {
  const owners = entries.flatMap(({ owned_by: owner }) =>
    typeof owner === "string" ? owner.toLowerCase() : [],
  );
  const marks = profile.ownerMarks.map((mark) => mark.toLowerCase());
  return owners.length > 0 && owners.every((owner) => marks.includes(owner));
}

function isNamedByHeader(profile: Profile, headers: Headers): boolean {
  return profile.headerMarks.some(({ name, value }) => {
    const content = headers.get(name);
    return content !== null && (value === undefined || content.toLowerCase() === value.toLowerCase());
  });
}

function isRecord(value: unknown): value is Wire {
  return typeof value === "object" && value !== null;
}
