import type { JsonObject } from "../../lib/json.ts";
import type { Finish, TokenUsage } from "../chat-answer.ts";
import type { Refusal, TranslatedRefusal } from "../client-api.ts";
import { toJsonBytes } from "../wire.ts";

/** How `/api/chat` and `/api/generate` say the same: text, thought and calls of one piece. */
export interface LineShape {
  said(piece: AnswerPiece): JsonObject;
}

export interface AnswerPiece {
  readonly text: string;
  readonly thinking?: string | undefined;
  readonly calls?: readonly JsonObject[] | undefined;
}

export const chatLine: LineShape = {
  said: ({ text, thinking, calls }) => ({
    message: {
      role: "assistant",
      content: text,
      ...(thinking !== undefined && { thinking }),
      ...(calls !== undefined && calls.length > 0 && { tool_calls: calls }),
    },
  }),
};

export const generateLine: LineShape = {
  said: ({ text, thinking }) => ({ response: text, ...(thinking !== undefined && { thinking }) }),
};

/** When an answer was asked for and when its first piece came, in milliseconds since the epoch. */
export interface AnswerTimes {
  readonly startedAt: number;
  readonly firstPieceAt: number | undefined;
}

/** What every line begins with. The model is called what the client called it, as Ollama does. */
export function lineHead(model: string): JsonObject {
  return { model, created_at: new Date().toISOString() };
}

/**
 * What the last line says besides: why it ended, and durations in nanoseconds as far as a proxy can measure them.
 * Where it can't tell the reading from the writing, all was writing: clients divide `eval_count` by its duration.
 */
export function lineEnd({ reason }: Finish, usage: TokenUsage | undefined, times: AnswerTimes): JsonObject {
  const now = Date.now();
  const firstPieceAt = times.firstPieceAt ?? times.startedAt;
  return {
    done: true,
    done_reason: reason === "length" ? "length" : "stop",
    total_duration: duration(times.startedAt, now),
    load_duration: 0,
    prompt_eval_count: usage?.inputTokens ?? 0,
    prompt_eval_duration: duration(times.startedAt, firstPieceAt),
    eval_count: usage?.outputTokens ?? 0,
    eval_duration: duration(firstPieceAt, now),
  };
}

/** In nanoseconds between two times in milliseconds. Never 0, which no rate can be told by. */
export function duration(from: number, to: number): number {
  return Math.max(1, Math.round((to - from) * 1_000_000));
}

export function renderOllamaRefusal({ message, status }: Refusal): TranslatedRefusal {
  return { status, contentType: "application/json; charset=utf-8", body: toJsonBytes({ error: message }) };
}
