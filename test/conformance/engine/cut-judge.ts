export interface RecordedStream {
  readonly server: string;
  readonly name: string;
  readonly path: string;
  /** Of the two that a stream may end with the one that the client must not get unless it came. */
  readonly terminals: readonly string[];
}

export const recordedStreams: readonly RecordedStream[] = [
  {
    server: "llama-server-b10488",
    name: "post-v1-chat-completions-stream",
    path: "/olla/proxy/v1/chat/completions",
    terminals: ["[DONE]"],
  },
  {
    server: "ollama-0.32.15",
    name: "post-v1-chat-completions-stream",
    path: "/olla/proxy/v1/chat/completions",
    terminals: ["[DONE]"],
  },
  {
    server: "ollama-0.32.15",
    name: "post-v1-messages-stream",
    path: "/olla/proxy/v1/messages",
    terminals: ["message_stop"],
  },
  {
    server: "ollama-0.32.15",
    name: "post-v1-responses-stream",
    path: "/olla/proxy/v1/responses",
    terminals: ["response.completed"],
  },
  {
    server: "ollama-0.32.15",
    name: "post-api-chat",
    path: "/olla/ollama/api/chat",
    terminals: ['"done":true'],
  },
  {
    server: "ollama-0.32.15",
    name: "post-api-generate",
    path: "/olla/ollama/api/generate",
    terminals: ['"done":true'],
  },
];

/** As a client got it; `isBroken` when the connection broke before the body's end. */
export interface Received {
  readonly status: number;
  readonly text: string;
  readonly isBroken: boolean;
}

/** What the answer came to, in words that a failed expectation can be read by. */
export function judgeCut(
  stream: RecordedStream,
  sent: string,
  got: Received,
  ending: "end" | "truncate",
): string {
  const wasTerminated = stream.terminals.some((terminal) => sent.includes(terminal));
  const isTerminated = stream.terminals.some((terminal) => got.text.includes(terminal));
  if (isTerminated && !wasTerminated) return "an end that never came";
  if (got.status !== 200) return got.text.includes('"error"') ? "honest" : `a bare ${got.status}`;
  const said = commonBeginning(sent, got.text);
  // What the endpoint sent last may be lost with its connection; all that was sent before a proper end has come.
  if (ending === "end" && said < sent.length) return "less than the endpoint's bytes";
  if (got.isBroken || wasTerminated || isFinished(sent)) return "honest";
  // A notice in the place of lost bytes may begin as they did; then it is whole from its line's beginning.
  const lineStart = got.text.lastIndexOf("\n", said - 1) + 1;
  const notice = [said, lineStart].map((from) => got.text.slice(from)).find((text) => isNotice.test(text));
  if (notice === undefined) return "a cut that looks like an end";
  return (notice.match(/"source":"olla"/g)?.length ?? 0) > 1 ? "two errors" : "honest";
}

const isNotice = /^[^{]*\{[^\n]*"error"/;

function commonBeginning(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}

/**
 * OpenAI's shape says with its finish_reason that nothing of the answer comes after it, and not every server sends
 * `[DONE]`. The line end behind it may be missing: the event itself is whole.
 */
function isFinished(sent: string): boolean {
  return sent
    .split("\n")
    .some((line) => /"finish_reason":"\w+"/.test(line) && isWholeJson(line.replace(/^data: /, "")));
}

function isWholeJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    // Which is the answer.
    return false;
  }
}
