import type { ListFormat } from "../../profiles/profile.ts";
import { describingSources, type ModelSource, type UnifiedModel } from "../unified-model.ts";
import { compareText } from "../unify.ts";
import type { ListingContext } from "./listing-format.ts";

/** One line of a client's model list: a name that can be asked for, and the source that describes it best. */
export interface ListedModel {
  readonly id: string;
  readonly source: ModelSource;
  readonly model: UnifiedModel;
}

/**
 * Every name that a client may ask for, once, sorted. Names that differ by case only are one name; the spelling is
 * that of `platform` where it has one. A model with several names (a copy, a tag) is listed under each.
 */
export function listNames(models: readonly UnifiedModel[], platform: string): readonly ListedModel[] {
  const listed = new Map<string, ListedModel>();
  for (const model of models) {
    for (const source of describingSources(model)) {
      const key = source.nativeName.toLowerCase();
      const known = listed.get(key);
      if (known === undefined || rank(source, platform) > rank(known.source, platform)) {
        listed.set(key, { id: source.nativeName, source, model });
      }
    }
  }
  return [...listed.values()].sort((left, right) => compareText(left.id, right.id));
}

function rank(source: ModelSource, platform: string): number {
  return (
    (source.platform === platform ? 4 : 0) +
    (source.state === "loaded" ? 2 : 0) +
    // A server that says the size says more of the rest, too.
    (source.sizeBytes > 0 ? 1 : 0)
  );
}

/** What the backend said besides in a list of this very format, to be said again in ours. */
export function nativeFieldsOf(
  { model }: ModelSource,
  format: ListFormat,
): Readonly<Record<string, unknown>> | undefined {
  return model.nativeFormat === format ? model.nativeFields : undefined;
}

/** Unix seconds that don't change from one list to the next. */
export function createdSeconds(source: ModelSource | undefined, context: ListingContext): number {
  return Math.floor((source?.model.modifiedAt ?? context.processStartedAt) / 1000);
}

const vendors: readonly string[] =
  "openai anthropic google meta microsoft amazon xai apple cohere ai21 databricks snowflake ibm salesforce nvidia mistral qwen alibaba deepseek zhipuai tii 01ai baichuan stability eleutherai mosaicml bigcode servicenow cerebras nomic huggingface openrouter together replicate fireworks perplexity groq".split(
    " ",
  );

/** Who made a model, as far as its name says: `org/name`, or a first word like `mistral-…`. */
export function ownerOf(id: string, otherwise: string): string {
  const slash = id.indexOf("/");
  if (slash > 0) return id.slice(0, slash);
  const dash = id.indexOf("-");
  if (dash < 3 || dash > 20) return otherwise;
  const word = id.slice(0, dash);
  const lowered = word.toLowerCase();
  return vendors.some((vendor) => lowered.includes(vendor)) ? word : otherwise;
}
