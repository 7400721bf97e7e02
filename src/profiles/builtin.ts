import * as v from "valibot";
// Parsed while bundling, so the compiled binary carries them as plain values.
import lmStudio from "../../profiles/lm-studio.yaml";
import ollama from "../../profiles/ollama.yaml";
import openai from "../../profiles/openai.yaml";
import vllm from "../../profiles/vllm.yaml";
import type { Profile } from "./profile.ts";
import { profileSchema, toProfile } from "./schema.ts";

/**
 * The profiles inside the binary, in the order in which an endpoint's kind is looked for. Throws only when a shipped
 * file is broken, which a test rules out.
 */
export function builtinProfiles(): Profile[] {
  const files: readonly unknown[] = [ollama, lmStudio, vllm, openai];
  return files.map((file) => toProfile(v.parse(profileSchema, file)));
}
