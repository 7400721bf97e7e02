import { join } from "node:path";
import { model, type Reach } from "./fleet.ts";

const page = join(import.meta.dir, "../../../docs/clients.md");

/**
 * What `docs/clients.md` tells people to copy for a client, with a test's addresses and model in it.
 * @param language of the block, the first below the heading
 */
export async function documentedBlock(heading: string, language: string, reach: Reach): Promise<string> {
  const text = await Bun.file(page).text();
  const section = text.split("\n## ").find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const block = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1];
  if (block === undefined) throw new Error(`docs/clients.md has no ${language} for ${heading}`);
  return block
    .replaceAll("http://localhost:40114/olla/openai/v1", reach.openaiUrl)
    .replaceAll("http://localhost:40114/olla/anthropic", reach.anthropicUrl)
    .replaceAll(/qwen3:32b|nomic-embed-text/g, model);
}

/** The variables that lines of a shell set. */
export function exportedVariables(shell: string): Record<string, string> {
  return Object.fromEntries(
    [...shell.matchAll(/^export (\w+)=(\S+)/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
