import { model, type Reach } from "./fleet.ts";
import { type InstalledClient, type MissingClient, programOf } from "./programs.ts";
import type { ProgramRun, Workplace } from "./workplace.ts";

/** What `docs/clients.md` tells people to write; the rest keeps it quiet. */
function configFile(openaiUrl: string): string {
  return `model = "${model}"
model_provider = "olla"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.olla]
name = "Olla"
base_url = "${openaiUrl}"
wire_api = "responses"
`;
}

/** Its own sandbox is off: not every machine that tests allows one, and the folder is thrown away. */
const flags = ["--skip-git-repo-check", "--sandbox", "danger-full-access", "--color", "never"] as const;

/** Runs `codex exec`. */
export async function askCodex(
  codex: InstalledClient | MissingClient,
  reach: Reach,
  place: Workplace,
  ...args: readonly string[]
): Promise<ProgramRun> {
  await place.write("home/.codex/config.toml", configFile(reach.openaiUrl));
  return await place.run([programOf(codex, "codex"), "exec", ...flags, ...args]);
}
