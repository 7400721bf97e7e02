import { type Answer, halvesOf, piecesOf, usage, type WireEvent } from "./answer.ts";

interface Item {
  readonly opened: Record<string, unknown>;
  readonly done: Record<string, unknown>;
  /** Events between the item's first and last one, without numbers. */
  readonly inner: readonly (readonly [type: string, fields: object])[];
}

function messageItem(id: string, text: string): Item {
  const part = { type: "output_text", text, annotations: [], logprobs: [] };
  const place = { item_id: id, content_index: 0 };
  return {
    opened: { id, type: "message", status: "in_progress", role: "assistant", content: [] },
    done: { id, type: "message", status: "completed", role: "assistant", content: [part] },
    inner: [
      ["response.content_part.added", { ...place, part: { ...part, text: "" } }],
      ...piecesOf(text).map(
        (delta) => ["response.output_text.delta", { ...place, delta, logprobs: [] }] as const,
      ),
      ["response.output_text.done", { ...place, text, logprobs: [] }],
      ["response.content_part.done", { ...place, part }],
    ],
  };
}

function callItem(id: string, call: NonNullable<Answer["calls"]>[number]): Item {
  const written = JSON.stringify(call.input);
  const [name = "", namespace] = call.name.split(".").reverse();
  const item = {
    id,
    type: "function_call",
    call_id: call.id,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
  return {
    opened: { ...item, status: "in_progress", arguments: "" },
    done: { ...item, status: "completed", arguments: written },
    inner: [
      ...halvesOf(written).map(
        (delta) => ["response.function_call_arguments.delta", { item_id: id, delta }] as const,
      ),
      ["response.function_call_arguments.done", { item_id: id, name, arguments: written }],
    ],
  };
}

function reasoningItem(id: string, text: string): Item {
  const place = { item_id: id, summary_index: 0 };
  return {
    opened: { id, type: "reasoning", summary: [] },
    done: { id, type: "reasoning", summary: [{ type: "summary_text", text }] },
    inner: [
      ["response.reasoning_summary_part.added", { ...place, part: { type: "summary_text", text: "" } }],
      ...piecesOf(text).map(
        (delta) => ["response.reasoning_summary_text.delta", { ...place, delta }] as const,
      ),
      ["response.reasoning_summary_text.done", { ...place, text }],
      ["response.reasoning_summary_part.done", { ...place, part: { type: "summary_text", text } }],
    ],
  };
}

function itemsOf(answer: Answer, ordinal: number): Item[] {
  const items: Item[] = [];
  if (answer.reasoning !== undefined) items.push(reasoningItem(`rs_${ordinal}`, answer.reasoning));
  if (answer.text !== undefined) items.push(messageItem(`msg_${ordinal}`, answer.text));
  for (const [index, call] of (answer.calls ?? []).entries()) {
    items.push(callItem(`fc_${ordinal}_${index}`, call));
  }
  return items;
}

/** A whole response object. */
export function responseBody(answer: Answer, model: string, ordinal: number): Record<string, unknown> {
  return {
    id: `resp_${ordinal}`,
    object: "response",
    created_at: 1795207903,
    status: "completed",
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model,
    output: itemsOf(answer, ordinal).map((item) => item.done),
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    usage: {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.input + usage.output,
    },
  };
}

/** The same as the numbered events of its stream. */
export function responseEvents(answer: Answer, model: string, ordinal: number): WireEvent[] {
  const whole = responseBody(answer, model, ordinal);
  const begun = { ...whole, status: "in_progress", output: [], usage: null };
  const events: (readonly [type: string, fields: object])[] = [
    ["response.created", { response: begun }],
    ["response.in_progress", { response: begun }],
    ...itemsOf(answer, ordinal).flatMap((item, output_index) => [
      ["response.output_item.added", { output_index, item: item.opened }] as const,
      ...item.inner.map(([type, fields]) => [type, { output_index, ...fields }] as const),
      ["response.output_item.done", { output_index, item: item.done }] as const,
    ]),
    ["response.completed", { response: whole }],
  ];
  return events.map(([type, fields], sequence_number) => ({
    name: type,
    data: { type, sequence_number, ...fields },
  }));
}
