import { isObject, type JsonObject } from "../../lib/json.ts";
import { filledText, objectsOf } from "../wire.ts";

/**
 * The tools of a Messages request that the model may call now: one with `defer_loading` only once a result has named
 * it, as with Anthropic. Where only Anthropic's own search could have named them, all of them: no endpoint has that search.
 * Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/tool-search-tool
 * @param messages as the client sent them
 */
export function loadedTools(tools: readonly unknown[], messages: unknown): readonly unknown[] {
  const isDeferred = (tool: unknown) => isObject(tool) && tool.defer_loading === true;
  if (!tools.some(isDeferred)) return tools;
  // Claude Code's, which says of itself that it must never be called: it is there for the length of the list.
  const others = tools.filter((tool) => !(isDeferred(tool) && nameOf(tool) === "DeferredToolPlaceholder"));
  if (tools.some(isOwnSearch)) return others;
  const named = new Set(objectsOf(messages).flatMap(namedIn));
  return others.filter((tool) => !isDeferred(tool) || named.has(nameOf(tool)));
}

function nameOf(tool: unknown): unknown {
  return isObject(tool) ? tool.name : undefined;
}

function isOwnSearch(tool: unknown): boolean {
  return isObject(tool) && filledText(tool.type)?.startsWith("tool_search_tool") === true;
}

/** Names in the results of a message. */
function namedIn({ content }: JsonObject): readonly unknown[] {
  return objectsOf(content)
    .filter(({ type }) => type === "tool_result")
    .flatMap((result) => objectsOf(result.content))
    .flatMap(({ type, tool_name: name }) => (type === "tool_reference" ? [name] : []));
}
