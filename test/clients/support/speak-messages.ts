import { type Answer, halvesOf, piecesOf, usage, type WireEvent } from "./answer.ts";

function stopReason(answer: Answer): string {
  return (answer.calls ?? []).length > 0 ? "tool_use" : "end_turn";
}

/** A whole Anthropic message. */
export function messageBody(answer: Answer, model: string, ordinal: number): unknown {
  const content: unknown[] = [];
  if (answer.reasoning !== undefined) {
    content.push({ type: "thinking", thinking: answer.reasoning, signature: "" });
  }
  if (answer.text !== undefined) content.push({ type: "text", text: answer.text });
  for (const call of answer.calls ?? []) {
    content.push({ type: "tool_use", id: call.id, name: call.name, input: call.input });
  }
  return {
    id: `msg_${ordinal}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: stopReason(answer),
    stop_sequence: null,
    usage: { input_tokens: usage.input, output_tokens: usage.output },
  };
}

interface Block {
  readonly opened: object;
  readonly deltas: readonly object[];
}

function blocksOf(answer: Answer): Block[] {
  const blocks: Block[] = [];
  if (answer.reasoning !== undefined) {
    blocks.push({
      opened: { type: "thinking", thinking: "", signature: "" },
      deltas: piecesOf(answer.reasoning).map((thinking) => ({ type: "thinking_delta", thinking })),
    });
  }
  if (answer.text !== undefined) {
    blocks.push({
      opened: { type: "text", text: "" },
      deltas: piecesOf(answer.text).map((text) => ({ type: "text_delta", text })),
    });
  }
  for (const call of answer.calls ?? []) {
    blocks.push({
      opened: { type: "tool_use", id: call.id, name: call.name, input: {} },
      deltas: halvesOf(JSON.stringify(call.input)).map((partial_json) => ({
        type: "input_json_delta",
        partial_json,
      })),
    });
  }
  return blocks;
}

/** The same as the events of Anthropic's stream. */
export function messageEvents(answer: Answer, model: string, ordinal: number): WireEvent[] {
  const event = (type: string, fields: object = {}): WireEvent => ({ name: type, data: { type, ...fields } });
  const message = {
    id: `msg_${ordinal}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: usage.input, output_tokens: 0 },
  };
  return [
    event("message_start", { message }),
    ...blocksOf(answer).flatMap(({ opened, deltas }, index) => [
      event("content_block_start", { index, content_block: opened }),
      ...deltas.map((delta) => event("content_block_delta", { index, delta })),
      event("content_block_stop", { index }),
    ]),
    event("message_delta", {
      delta: { stop_reason: stopReason(answer), stop_sequence: null },
      usage: { input_tokens: usage.input, output_tokens: usage.output },
    }),
    event("message_stop"),
  ];
}
