import { model, type Reach } from "./fleet.ts";
import { type InstalledClient, type MissingClient, programOf } from "./programs.ts";
import type { ProgramRun, Workplace } from "./workplace.ts";

/** These three are inside the program; any other is fetched from npm when it starts. */
export const bundledProviders = ["@ai-sdk/openai-compatible", "@ai-sdk/anthropic", "@ai-sdk/openai"] as const;

export type BundledProvider = (typeof bundledProviders)[number];

/** What `docs/clients.md` tells people to write. */
function configFile(reach: Reach, provider: BundledProvider): string {
  const baseURL = provider === "@ai-sdk/anthropic" ? `${reach.anthropicUrl}/v1` : reach.openaiUrl;
  const olla = {
    npm: provider,
    name: "Olla",
    options: { baseURL, apiKey: "none" },
    models: { [model]: { name: model, limit: { context: 32_768, output: 4_096 } } },
  };
  return JSON.stringify({
    $schema: "https://opencode.ai/config.json",
    provider: { olla },
    model: `olla/${model}`,
    small_model: `olla/${model}`,
    autoupdate: false,
    share: "disabled",
    permission: { "*": "allow" },
  });
}

const quiet = {
  OPENCODE_DISABLE_AUTOUPDATE: "1",
  OPENCODE_DISABLE_MODELS_FETCH: "1",
  OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
} as const;

interface OpencodeSettings {
  /** Its OpenAI-compatible one when not given. */
  readonly provider?: BundledProvider;
  readonly prompt: string;
}

/** Runs `opencode run`. */
export async function askOpencode(
  opencode: InstalledClient | MissingClient,
  reach: Reach,
  place: Workplace,
  settings: OpencodeSettings,
): Promise<ProgramRun> {
  const { provider = "@ai-sdk/openai-compatible", prompt } = settings;
  await place.write("home/.config/opencode/opencode.json", configFile(reach, provider));
  const command = [programOf(opencode, "opencode"), "run", "--title", "A test", prompt];
  return await place.run(command, { env: quiet });
}
