import type { Refusal, TranslatedRefusal } from "../client-api.ts";
import { findContextOverflow } from "../context-overflow.ts";
import { filledText, toJsonBytes } from "../wire.ts";
import { openaiErrorType } from "./error-type.ts";

/**
 * An endpoint's refusal in OpenAI's words. A prompt that is too long is `context_length_exceeded`.
 * Source: https://platform.openai.com/docs/guides/error-codes
 */
export function renderOpenaiRefusal(refusal: Refusal): TranslatedRefusal {
  const { message, detail } = refusal;
  const isOverflow = findContextOverflow(refusal) !== undefined;
  const status = isOverflow ? 400 : refusal.status;
  const error = {
    ...detail,
    message,
    type: isOverflow ? "invalid_request_error" : (filledText(detail?.type) ?? openaiErrorType(status)),
    param: filledText(detail?.param) ?? null,
    code: isOverflow ? "context_length_exceeded" : (filledText(detail?.code) ?? null),
  };
  return { status, contentType: "application/json", body: toJsonBytes({ error }) };
}
