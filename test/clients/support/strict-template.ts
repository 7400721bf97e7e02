type Wire = Readonly<Record<string, unknown>>;

function asList(value: unknown): readonly Wire[] {
  return Array.isArray(value) ? (value as readonly Wire[]) : [];
}

/**
 * What the strictest of chat templates and servers would say against a request; undefined when nothing.
 * @param body of a chat completion
 */
export function faultOf(body: Wire): string | undefined {
  return faultInMessages(asList(body.messages)) ?? faultInTools(asList(body.tools));
}

function faultInMessages(messages: readonly Wire[]): string | undefined {
  const roles = ["system", "user", "assistant", "tool"];
  /** Calls of the last answer that have no result yet. */
  let open: unknown[] = [];
  for (const [index, message] of messages.entries()) {
    const { role, content, tool_call_id: answered } = message;
    if (typeof role !== "string" || !roles.includes(role)) return `Unexpected message role ${String(role)}.`;
    if (role === "system" && index > 0) return "System message must be at the beginning.";
    if (role === "user" && messages[index - 1]?.role === "user") {
      return "Conversation roles must alternate user/assistant/user/assistant/…";
    }
    const calls = asList(message.tool_calls);
    const isEmpty = content === "" || content === null || (Array.isArray(content) && content.length === 0);
    if (isEmpty && role !== "tool" && calls.length === 0) return `Message ${index} is empty.`;
    if (role === "tool" && open.shift() !== answered) {
      return `The result of ${String(answered)} is not where its call is.`;
    }
    if (role !== "tool" && open.length > 0) return `The call ${String(open[0])} has no result.`;
    if (role === "assistant") open = calls.map((call) => call.id);
  }
  return open.length > 0 ? `The call ${String(open[0])} has no result.` : undefined;
}

function faultInTools(tools: readonly Wire[]): string | undefined {
  const names = tools.map((tool) => String((tool.function as Wire | undefined)?.name));
  const odd = tools.find(({ type }) => type !== "function");
  if (odd !== undefined) return `Tools of type ${String(odd.type)} are not supported.`;
  if (new Set(names).size < names.length) return "Two tools have the same name.";
  const misnamed = names.find((name) => !/^[\w-]{1,64}$/.test(name));
  return misnamed === undefined ? undefined : `${misnamed} is no name of a function.`;
}
