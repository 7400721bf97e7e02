import { model, type Reach } from "./fleet.ts";
import { type InstalledClient, type MissingClient, programOf } from "./programs.ts";
import type { ProgramRun, Workplace } from "./workplace.ts";

/** Runs `claude -p` with what `docs/clients.md` tells people to set, and what keeps it quiet. */
export function askClaudeCode(
  claude: InstalledClient | MissingClient,
  reach: Reach,
  place: Workplace,
  ...args: readonly string[]
): Promise<ProgramRun> {
  return place.run([programOf(claude, "claude"), "--model", model, "-p", ...args], {
    env: {
      ANTHROPIC_BASE_URL: reach.anthropicUrl,
      ANTHROPIC_AUTH_TOKEN: "none",
      ANTHROPIC_DEFAULT_OPUS_MODEL: model,
      ANTHROPIC_DEFAULT_SONNET_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_MAX_CONTEXT_TOKENS: "200000",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
      DISABLE_AUTOUPDATER: "1",
    },
  });
}
