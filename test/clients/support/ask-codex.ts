import { documentedBlock } from "./documented.ts";
import type { Reach } from "./fleet.ts";
import { type InstalledClient, type MissingClient, programOf } from "./programs.ts";
import type { ProgramRun, Workplace } from "./workplace.ts";

/** What `docs/clients.md` tells people to write, between what keeps it quiet. */
async function configFile(reach: Reach): Promise<string> {
  const documented = await documentedBlock("Codex CLI", "toml", reach);
  return `check_for_update_on_startup = false\n\n${documented}\n[analytics]\nenabled = false\n`;
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
  await place.write("home/.codex/config.toml", await configFile(reach));
  return await place.run([programOf(codex, "codex"), "exec", ...flags, ...args]);
}
