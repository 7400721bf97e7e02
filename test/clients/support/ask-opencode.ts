import { documentedBlock } from "./documented.ts";
import type { Reach } from "./fleet.ts";
import { type InstalledClient, type MissingClient, programOf } from "./programs.ts";
import type { ProgramRun, Workplace } from "./workplace.ts";

/** These three are inside the program; any other is fetched from npm when it starts. */
export const bundledProviders = ["@ai-sdk/openai-compatible", "@ai-sdk/anthropic", "@ai-sdk/openai"] as const;

export type BundledProvider = (typeof bundledProviders)[number];

interface OpencodeConfig {
  readonly provider: { readonly olla: { readonly options: object } };
}

/** What `docs/clients.md` tells people to write, and what keeps it quiet. */
async function configFile(reach: Reach, npm: BundledProvider): Promise<string> {
  const config = JSON.parse(await documentedBlock("opencode", "json", reach)) as OpencodeConfig;
  const { olla } = config.provider;
  const others = {
    "@ai-sdk/openai-compatible": {},
    "@ai-sdk/anthropic": { baseURL: `${reach.anthropicUrl}/v1`, apiKey: "none" },
    "@ai-sdk/openai": { apiKey: "none" },
  } as const;
  return JSON.stringify({
    ...config,
    provider: { olla: { ...olla, npm, options: { ...olla.options, ...others[npm] } } },
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
  await place.write("home/.config/opencode/opencode.json", await configFile(reach, provider));
  const command = [programOf(opencode, "opencode"), "run", "--title", "A test", prompt];
  return await place.run(command, { env: quiet });
}
