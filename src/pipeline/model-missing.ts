type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Whether an answer says that this endpoint has not got the model, as opposed to not knowing the path or not liking the
 * request. Most servers answer 404, llama.cpp's router and LM Studio 400, where only their very wording counts because a
 * 400 is otherwise the client's fault.
 * @param bodyText the answer's body, or as much of its beginning as was read
 */
export function isModelMissing(status: number, bodyText: string): boolean {
  if (status !== 404 && status !== 400) return false;
  const { message, code } = readError(bodyText);
  if (code === "model_not_found") return true;
  const wordings = status === 404 ? [...exactWordings, ...looseWordings] : exactWordings;
  return wordings.some((wording) => wording.test(message));
}

/** Nothing else that a server says about a request begins like this. */
const exactWordings: readonly RegExp[] = [
  // Ollama, llama.cpp's router
  /^model ['"`].{1,300}['"`] not found/i,
  // vLLM, SGLang, OpenAI
  /^the model ['"`].{1,300}['"`] does not exist/i,
  // LM Studio
  /^no models? loaded\b/i,
  /^model ['"`].{1,300}['"`] (?:is not loaded|does not exist)/i,
];

/** Under a 404 a message about a model that is absent can hardly mean anything else. */
const looseWordings: readonly RegExp[] = [
  /\bmodel\b.{0,300}\b(?:not found|does not exist|not loaded|is not available|unknown)/i,
  /\b(?:unknown|no such|could not find|cannot find|can't find)\b.{0,40}\bmodel\b/i,
  // Anthropic
  /^model: \S/i,
];

/** The places where servers put it: `error.message`, `error`, `message`, `detail`; else the text itself. */
function readError(bodyText: string): { readonly message: string; readonly code: unknown } {
  const body = parseObject(bodyText);
  if (body === undefined) return { message: bodyText.trim(), code: undefined };
  const error = isObject(body.error) ? body.error : body;
  const message = [error.message, body.error, body.detail].find((text) => typeof text === "string");
  return { message: typeof message === "string" ? message.trim() : "", code: error.code };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    // Plain text, or a body longer than what was read of it.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
