import { expect, test } from "bun:test";
import { parseJson } from "../../lib/json.ts";
import { builtinProfiles } from "../../profiles/builtin.ts";
import type { ChatRequest } from "../chat-request.ts";
import { textOf } from "../wire.ts";
import { encodeChatRequest } from "./encode-request.ts";

const [profile] = builtinProfiles();
if (profile === undefined) throw new Error("no profiles");
const target = { profile, model: "m", defaults: undefined };

function argumentsSent(argumentsJson: string): unknown {
  const request: ChatRequest = {
    model: "m",
    messages: [
      { role: "assistant", parts: [{ kind: "tool-call", id: "one", name: "look", argumentsJson }] },
      { role: "tool", callId: "one", parts: [], isError: true },
    ],
    tools: [],
    toolChoice: undefined,
    allowsParallelTools: undefined,
    limits: { maxTokens: undefined, stopSequences: [] },
    sampling: {},
    answerFormat: undefined,
    reasoning: undefined,
    isStream: false,
    user: undefined,
  };
  const body = parseJson(textOf(encodeChatRequest(request, target).body));
  return (body as { messages: { tool_calls: { function: { arguments: string } }[] }[] }).messages[0]
    ?.tool_calls[0]?.function.arguments;
}

test.each([
  ['{"city": 1.0}', '{"city": 1.0}'],
  ["{}", "{}"],
  // Cut at the limit of the answer: llama.cpp and vLLM refuse every later request of the conversation.
  ['{"city":"Per', "{}"],
  ["", "{}"],
  ["[1]", "{}"],
])("a call of the conversation with the arguments %p is sent with %p", (given, sent) => {
  expect(argumentsSent(given)).toBe(sent);
});
