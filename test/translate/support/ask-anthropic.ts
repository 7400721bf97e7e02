import { expect } from "bun:test";
import { builtinProfiles } from "../../../src/profiles/builtin.ts";
import { createAnthropicApi } from "../../../src/translate/anthropic/anthropic-api.ts";
import type { Translation } from "../../../src/translate/client-api.ts";

export const hello = [{ role: "user", content: "Hello" }];
export const minimal = { model: "m", max_tokens: 5, messages: hello };

/** A Messages request, read. */
export function translate(body: unknown): Translation {
  const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  return createAnthropicApi({ isPassthroughOn: true }).translate({ body: bytes, requestId: "req-1" });
}

/** The text that an endpoint of this kind is asked with. @param body JSON, or what is written as such */
export function askText(body: unknown, kind = "vllm"): string {
  const profile = builtinProfiles().find(({ name }) => name === kind);
  if (profile === undefined) throw new Error(`no kind ${kind}`);
  const asked = translate(body).encode({ profile, model: "m", defaults: undefined });
  expect(asked.path).toBe("/v1/chat/completions");
  return new TextDecoder().decode(asked.body);
}

/** The same, read, for a request of these members besides the required ones. */
export function ask(members: object, kind?: string): Record<string, unknown> {
  return JSON.parse(askText({ ...minimal, ...members }, kind));
}
