import { type Answer, halvesOf, piecesOf, usage, type WireEvent } from "./answer.ts";

const wireUsage = {
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
};

function finishReason(answer: Answer): string {
  return (answer.calls ?? []).length > 0 ? "tool_calls" : "stop";
}

/** A whole chat completion. */
export function chatBody(answer: Answer, model: string, ordinal: number): unknown {
  const calls = (answer.calls ?? []).map((call) => ({
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.input) },
  }));
  return {
    id: `chatcmpl-${ordinal}`,
    object: "chat.completion",
    created: 1795207903,
    model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: answer.text ?? null,
          ...(answer.reasoning === undefined ? {} : { reasoning_content: answer.reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        finish_reason: finishReason(answer),
      },
    ],
    usage: wireUsage,
  };
}

/** The same as chunks, as vLLM and llama.cpp stream it; usage only when asked for. */
export function chatEvents(answer: Answer, model: string, ordinal: number, withUsage: boolean): WireEvent[] {
  const chunk = (choices: readonly unknown[], more: object = {}): WireEvent => ({
    data: {
      id: `chatcmpl-${ordinal}`,
      object: "chat.completion.chunk",
      created: 1795207903,
      model,
      choices,
      ...more,
    },
  });
  const delta = (content: object, finish: string | null = null): WireEvent =>
    chunk([{ index: 0, delta: content, finish_reason: finish }]);
  const calls = (answer.calls ?? []).flatMap((call, index) => [
    delta({
      tool_calls: [{ index, id: call.id, type: "function", function: { name: call.name, arguments: "" } }],
    }),
    ...halvesOf(JSON.stringify(call.input)).map((half) =>
      delta({ tool_calls: [{ index, function: { arguments: half } }] }),
    ),
  ]);
  return [
    delta({ role: "assistant", content: "" }),
    ...piecesOf(answer.reasoning ?? "").map((piece) => delta({ reasoning_content: piece })),
    ...piecesOf(answer.text ?? "").map((piece) => delta({ content: piece })),
    ...calls,
    delta({}, finishReason(answer)),
    ...(withUsage ? [chunk([], { usage: wireUsage })] : []),
    { data: "[DONE]" },
  ];
}
