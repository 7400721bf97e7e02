import { filledText, objectsOf } from "../wire.ts";

/**
 * The instructions of a Messages request as one text, empty where there are none. Blocks follow one another as they
 * are, but that their words do not run together.
 */
export function decodeSystem(system: unknown): string {
  if (typeof system === "string") return withoutBilling(system);
  let joined = "";
  for (const { type, text } of objectsOf(system)) {
    const said = type === "text" ? withoutBilling(filledText(text) ?? "") : "";
    if (said === "") continue;
    const isApart = joined === "" || /\s$/.test(joined) || /^\s/.test(said);
    joined += isApart ? said : `\n${said}`;
  }
  return joined;
}

const billing = /^x-anthropic-billing-header:[^\n]*(?:\n|$)/;

/**
 * Claude Code begins its instructions with a line for Anthropic's accounts, another one for each conversation and
 * subagent. It says nothing to a model, and before everything else it spoils the prompt caches of endpoints.
 */
function withoutBilling(text: string): string {
  return text.replace(billing, "");
}
