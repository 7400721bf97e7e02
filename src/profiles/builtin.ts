import * as v from "valibot";
// Parsed while bundling, so the compiled binary carries them as plain values.
import dockerModelRunner from "../../profiles/docker-model-runner.yaml";
import lemonade from "../../profiles/lemonade.yaml";
import litellm from "../../profiles/litellm.yaml";
import llamacpp from "../../profiles/llamacpp.yaml";
import lmStudio from "../../profiles/lm-studio.yaml";
import lmdeploy from "../../profiles/lmdeploy.yaml";
import ollama from "../../profiles/ollama.yaml";
import omlx from "../../profiles/omlx.yaml";
import openai from "../../profiles/openai.yaml";
import sglang from "../../profiles/sglang.yaml";
import vllm from "../../profiles/vllm.yaml";
import vllmMlx from "../../profiles/vllm-mlx.yaml";
import type { Profile } from "./profile.ts";
import { profileSchema, toProfile } from "./schema.ts";

/**
 * The profiles inside the binary, in the order in which an endpoint's kind is looked for. Throws only when a shipped
 * file is broken, which a test rules out.
 */
export function builtinProfiles(): Profile[] {
  const files: readonly unknown[] = [
    ollama,
    llamacpp,
    lmStudio,
    vllm,
    omlx,
    vllmMlx,
    sglang,
    lmdeploy,
    lemonade,
    litellm,
    dockerModelRunner,
    openai,
  ];
  return files.map((file) => toProfile(v.parse(profileSchema, file)));
}
