import * as v from "valibot";
import { compileGlobs, isGlob } from "../lib/glob.ts";
import type { NameHints } from "./profile.ts";

const glob = v.pipe(v.string(), v.check(isGlob, "expected a name, with * for any run of characters"));
const globs = v.optional(v.array(glob), []);

/** Under other words too, where files written for the reference have them. */
const capabilityPatterns = v.object({
  vision: globs,
  embeddings: globs,
  code: globs,
  reasoning: globs,
  rerank: globs,
  reranking: globs,
  tools: globs,
  function_calling: globs,
});

export const modelsSchema = v.optional(
  v.object({
    capability_patterns: v.optional(capabilityPatterns, {}),
    context_patterns: v.optional(
      v.array(
        v.object({
          pattern: glob,
          context: v.pipe(v.number(), v.integer(), v.minValue(1, "expected tokens")),
        }),
      ),
      [],
    ),
  }),
  {},
);

/** @returns `undefined` where a file has no patterns. */
export function compileNameHints(file: v.InferOutput<typeof modelsSchema>): NameHints | undefined {
  const { reranking, function_calling, ...words } = file.capability_patterns;
  const patterns = {
    ...words,
    rerank: [...words.rerank, ...reranking],
    tools: [...words.tools, ...function_calling],
  };
  const capabilities = Object.entries(patterns)
    .filter(([, include]) => include.length > 0)
    .map(([capability, include]) => ({ capability, include, matches: compileLater(include) }));
  const contexts = file.context_patterns.map(({ pattern, context }) => ({
    pattern,
    tokens: context,
    matches: compileLater([pattern]),
  }));
  return capabilities.length + contexts.length === 0 ? undefined : { capabilities, contexts };
}

/** Most processes never see a name that most patterns are asked about, and the port should open soon. */
function compileLater(include: readonly string[]): (name: string) => boolean {
  let matches: ((name: string) => boolean) | undefined;
  return (name) => {
    matches ??= compileGlobs({ include });
    return matches(name);
  };
}
