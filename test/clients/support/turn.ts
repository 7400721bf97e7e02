export type Dialect = "chat" | "messages" | "responses";

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface ToolResult {
  readonly callId: string;
  readonly text: string;
}

type Wire = Readonly<Record<string, unknown>>;

/** What a request of any dialect says, as far as a script needs it. */
export interface Turn {
  readonly dialect: Dialect;
  readonly model: string;
  readonly stream: boolean;
  /** System text, instructions and developer messages together. */
  readonly system: string;
  /** Those in a namespace of the Responses API as `namespace.name`. */
  readonly toolNames: readonly string[];
  /** All text of users, oldest first, one entry per message. */
  readonly userTexts: readonly string[];
  /** Results that came after the last answer of the model. */
  readonly freshResults: readonly ToolResult[];
  /** Every result in the conversation. */
  readonly results: readonly ToolResult[];
  /** Beginnings of the URLs of all that a user showed, in chat completions. */
  readonly images: readonly string[];
  readonly body: Wire;
}

function asList(value: unknown): readonly Wire[] {
  return Array.isArray(value) ? (value as readonly Wire[]) : [];
}

/** Text of a string, of a list of parts of any dialect, or nothing. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return asList(content)
    .map((part) => (typeof part.text === "string" ? part.text : ""))
    .join("\n");
}

/** One step of a conversation: who spoke, and what. */
interface Step {
  readonly who: "system" | "user" | "model" | "tool";
  readonly text: string;
  readonly callId?: string;
}

function chatSteps(body: Wire): Step[] {
  return asList(body.messages).map((message): Step => {
    const text = textOf(message.content);
    switch (message.role) {
      case "assistant":
        return { who: "model", text };
      case "tool":
        return { who: "tool", text, callId: String(message.tool_call_id) };
      case "user":
        return { who: "user", text };
      default:
        return { who: "system", text };
    }
  });
}

function chatImages(body: Wire): string[] {
  const parts = asList(body.messages).flatMap(({ role, content }) =>
    role === "user" ? asList(content) : [],
  );
  return parts.flatMap(({ type, image_url: image }) =>
    type === "image_url" ? [String((image as Wire).url).replace(/(?<=;base64,).*/, "")] : [],
  );
}

function messagesSteps(body: Wire): Step[] {
  const steps: Step[] = [{ who: "system", text: textOf(body.system) }];
  for (const message of asList(body.messages)) {
    const results = asList(message.content).filter((block) => block.type === "tool_result");
    for (const block of results) {
      steps.push({ who: "tool", text: textOf(block.content), callId: String(block.tool_use_id) });
    }
    const content = message.content;
    const isText = (block: Wire): boolean => block.type === "text";
    const text = textOf(Array.isArray(content) ? asList(content).filter(isText) : content);
    const who = message.role === "assistant" ? "model" : message.role === "system" ? "system" : "user";
    if (text !== "" || who === "model") steps.push({ who, text });
  }
  return steps;
}

function responsesStep(item: Wire): Step {
  const type = typeof item.type === "string" ? item.type : "message";
  if (type.endsWith("_output")) {
    return { who: "tool", text: textOf(item.output), callId: String(item.call_id) };
  }
  if (type !== "message") return { who: "model", text: "" };
  const text = textOf(item.content);
  if (item.role === "assistant") return { who: "model", text };
  return { who: item.role === "user" ? "user" : "system", text };
}

function responsesSteps(body: Wire): Step[] {
  const instructions: Step = { who: "system", text: textOf(body.instructions) };
  if (typeof body.input === "string") return [instructions, { who: "user", text: body.input }];
  return [instructions, ...asList(body.input).map(responsesStep)];
}

/** A tool's name, or the names of all in a namespace. */
function toolNames(tool: Wire): string[] {
  if (tool.type === "namespace") {
    return asList(tool.tools).map((inner) => `${String(tool.name)}.${String(inner.name)}`);
  }
  const inner = tool.function as Wire | undefined;
  return [String(inner?.name ?? tool.name ?? tool.type)];
}

const readers: Readonly<Record<Dialect, (body: Wire) => Step[]>> = {
  chat: chatSteps,
  messages: messagesSteps,
  responses: responsesSteps,
};

export function readTurn(dialect: Dialect, body: Wire): Turn {
  const steps = readers[dialect](body);
  const lastAnswer = steps.findLastIndex((step) => step.who === "model");
  const resultsIn = (some: readonly Step[]): ToolResult[] =>
    some.flatMap((step) => (step.callId === undefined ? [] : [{ callId: step.callId, text: step.text }]));
  return {
    dialect,
    model: String(body.model ?? ""),
    stream: body.stream === true,
    system: steps.flatMap((step) => (step.who === "system" ? [step.text] : [])).join("\n"),
    toolNames: asList(body.tools).flatMap(toolNames),
    userTexts: steps.flatMap((step) => (step.who === "user" ? [step.text] : [])),
    freshResults: resultsIn(steps.slice(lastAnswer + 1)),
    results: resultsIn(steps),
    images: dialect === "chat" ? chatImages(body) : [],
    body,
  };
}
