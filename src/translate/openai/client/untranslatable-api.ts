import { OllaError } from "../../../errors.ts";
import type { ClientApi } from "../../client-api.ts";

/** What the Messages API has nothing for. */
const things = { completions: "text completions", embeddings: "embeddings" } as const;

/**
 * Requests that an endpoint which speaks only Anthropic's API can't answer in any words: told at once, instead of by
 * a 404 of its own. @param path where clients ask for them
 */
export function createUntranslatableApi(name: keyof typeof things, path: string): ClientApi {
  return {
    name,
    dialect: "openai",
    isCommon: true,
    nativePath: ({ anthropic }) => (anthropic?.isOnlyDialect === true ? undefined : path),
    translate() {
      throw withoutWords(things[name]);
    },
  };
}

/** @param thing in the plural */
export function withoutWords(thing: string): OllaError {
  return new OllaError(
    "not_supported",
    `The endpoint of this model speaks only Anthropic's API, which has no ${thing}`,
  );
}
