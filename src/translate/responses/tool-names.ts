import { fnv1a32 } from "../../lib/fnv.ts";

/** How a client calls one of its tools. */
export interface ToolName {
  readonly name: string;
  /** The group it was declared in. */
  readonly namespace: string | undefined;
}

/** What OpenAI allows, and so what the strictest server takes. */
const longestName = 64;

/**
 * Names of tools as chat completions know them: no groups, and only letters that every server takes. No two tools get
 * the same one.
 */
export class ToolNames {
  readonly #flatNames = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** Undefined for a tool that has a name already. */
  add(tool: ToolName): string | undefined {
    const key = keyOf(tool);
    if (this.#flatNames.has(key)) return undefined;
    const wanted = flatten(tool);
    let flatName = wanted;
    for (let ordinal = 2; this.#taken.has(flatName); ordinal += 1) {
      const ending = `_${ordinal}`;
      flatName = wanted.slice(0, longestName - ending.length) + ending;
    }
    this.#taken.add(flatName);
    this.#flatNames.set(key, flatName);
    return flatName;
  }

  /** Also of a tool that the conversation knows and this request no longer has. */
  flatNameOf(tool: ToolName): string {
    return this.#flatNames.get(keyOf(tool)) ?? flatten(tool);
  }
}

function keyOf({ name, namespace }: ToolName): string {
  return JSON.stringify([namespace ?? "", name]);
}

/** Like `mcp__docs__search`. */
function flatten({ name, namespace }: ToolName): string {
  const joint = namespace === undefined || namespace.endsWith("__") ? "" : "__";
  const full = `${namespace ?? ""}${joint}${name}`.replace(/[^\w-]/g, "_");
  if (full.length <= longestName) return full;
  // Its end would tell it from its neighbours, and its beginning tells people what it is.
  const mark = `_${fnv1a32(full).toString(16).padStart(8, "0")}`;
  return full.slice(0, longestName - mark.length) + mark;
}
