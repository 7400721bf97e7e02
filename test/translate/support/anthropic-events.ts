import { expect } from "bun:test";
import { isObject, type JsonObject } from "../../../src/lib/json.ts";

/** One event of a Messages stream, as the client gets it. */
export type AnthropicEvent = JsonObject & { readonly type: string };

/** Reads what we wrote, and takes nothing but the one form that we write: a name, one line of data, an empty line. */
export function parseEvents(text: string): AnthropicEvent[] {
  if (text === "") return [];
  expect(text).toEndWith("\n\n");
  return text
    .slice(0, -2)
    .split("\n\n")
    .map((block) => {
      const [, name, json] = /^event: (\w+)\ndata: ([^\n\r]*)$/.exec(block) ?? [];
      const data: unknown = JSON.parse(json ?? `${block} is no event`);
      if (!isObject(data) || typeof data.type !== "string") throw new Error(`${block} has no type`);
      expect(data.type).toBe(name ?? "");
      return { ...data, type: data.type };
    });
}

/**
 * The grammar of a Messages stream: `message_start (start delta* stop)* message_delta message_stop`, or any beginning
 * of it and then `error`. Indexes count from 0, one block is open at a time, each delta is of its block's kind.
 */
export function checkGrammar(events: readonly AnthropicEvent[]): void {
  const words = events.map(({ type }) => letters[type] ?? "?").join("");
  expect(words).toMatch(/^(M(?:BD*E)*FS|M(?:BD*E)*(?:BD*)?F?X|X)$/);
  let block = -1;
  let kind: unknown;
  for (const event of events) {
    if (event.type === "content_block_start") {
      block += 1;
      kind = objectAt(event, "content_block").type;
    }
    if (event.type.startsWith("content_block")) expect(event.index).toBe(block);
    if (event.type === "content_block_delta") {
      expect(objectAt(event, "delta").type).toBe(deltaTypes[String(kind)] ?? "unknown");
    }
  }
}

const letters: Readonly<Record<string, string>> = {
  message_start: "M",
  content_block_start: "B",
  content_block_delta: "D",
  content_block_stop: "E",
  message_delta: "F",
  message_stop: "S",
  error: "X",
};

const deltaTypes: Readonly<Record<string, string>> = {
  text: "text_delta",
  thinking: "thinking_delta",
  tool_use: "input_json_delta",
};

export function objectAt(event: JsonObject, member: string): JsonObject {
  const value = event[member];
  if (!isObject(value)) throw new Error(`${JSON.stringify(event)} has no ${member}`);
  return value;
}

/** The events in few words, one line each, without the random ids. */
export function tellEvents(events: readonly AnthropicEvent[]): string[] {
  return events.map((event) => {
    switch (event.type) {
      case "message_start": {
        const { model, usage } = objectAt(event, "message");
        return `start ${model} ${tellUsage(usage)}`;
      }
      case "content_block_start": {
        const { type, id, name, input } = objectAt(event, "content_block");
        if (type !== "tool_use") return `${event.index} ${type}`;
        // Clients put the pieces of the arguments behind it.
        if (JSON.stringify(input) !== "{}") throw new Error(`a call begins with ${JSON.stringify(input)}`);
        return `${event.index} ${name} ${String(id).replace(/^toolu_01\w{22}$/, "(made up)")}`;
      }
      case "content_block_delta": {
        const { text, thinking, partial_json } = objectAt(event, "delta");
        return `${event.index} + ${text ?? thinking ?? partial_json}`;
      }
      case "content_block_stop":
        return `${event.index} .`;
      case "message_delta": {
        const { stop_reason, stop_sequence } = objectAt(event, "delta");
        return `end ${stop_reason}${stop_sequence === null ? "" : ` ${stop_sequence}`} ${tellUsage(event.usage)}`;
      }
      case "error": {
        const { type, message } = objectAt(event, "error");
        return `error ${type} ${message}`;
      }
      default:
        return event.type;
    }
  });
}

function tellUsage(usage: unknown): string {
  if (!isObject(usage)) return "no usage";
  const { input_tokens, output_tokens, cache_read_input_tokens } = usage;
  return `${input_tokens}/${output_tokens}${cache_read_input_tokens === 0 ? "" : ` cached ${cache_read_input_tokens}`}`;
}
