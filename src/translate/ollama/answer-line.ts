import type { Finish, TokenUsage } from "../chat-answer.ts";
import type { Refusal, TranslatedRefusal } from "../client-api.ts";
import { type JsonObject, toJsonBytes } from "../wire.ts";

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

/** What every line begins with. */
export function lineHead(model: string): JsonObject {
  return { model, created_at: new Date().toISOString() };
}

/** What the last line says besides: why it ended, and durations in nanoseconds as far as a proxy can measure them. */
export function lineEnd({ reason }: Finish, usage: TokenUsage | undefined, times: AnswerTimes): JsonObject {
  const now = Date.now();
  const firstPieceAt = times.firstPieceAt ?? now;
  return {
    done: true,
    done_reason: reason === "length" ? "length" : "stop",
    total_duration: nanoseconds(now - times.startedAt),
    load_duration: 0,
    prompt_eval_count: usage?.inputTokens ?? 0,
    prompt_eval_duration: nanoseconds(firstPieceAt - times.startedAt),
    eval_count: usage?.outputTokens ?? 0,
    eval_duration: nanoseconds(now - firstPieceAt),
  };
}

export function renderOllamaRefusal({ message, status }: Refusal): TranslatedRefusal {
  return { status, contentType: "application/json; charset=utf-8", body: toJsonBytes({ error: message }) };
}

export function nanoseconds(milliseconds: number): number {
  return Math.max(0, Math.round(milliseconds * 1_000_000));
}
