import { documentedBlock, exportedVariables } from "./documented.ts";
import type { Reach } from "./fleet.ts";
import { type InstalledClient, type MissingClient, programOf } from "./programs.ts";
import type { ProgramRun, Workplace } from "./workplace.ts";

/** Runs `claude -p` with what `docs/clients.md` tells people to set, and what keeps it quiet. */
export async function askClaudeCode(
  claude: InstalledClient | MissingClient,
  reach: Reach,
  place: Workplace,
  ...args: readonly string[]
): Promise<ProgramRun> {
  return await place.run([programOf(claude, "claude"), "-p", ...args], {
    env: {
      ...exportedVariables(await documentedBlock("Claude Code", "sh", reach)),
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
      DISABLE_AUTOUPDATER: "1",
    },
  });
}
