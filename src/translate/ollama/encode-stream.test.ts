import { describe, expect, test } from "bun:test";
import { builtinProfiles } from "../../profiles/builtin.ts";
import type { ClientApi } from "../client-api.ts";
import { ollamaChatApi, ollamaGenerateApi } from "./ollama-apis.ts";

const profile = builtinProfiles().find(({ name }) => name === "vllm");

function tell(api: ClientApi, body: object, pieces: Iterable<Uint8Array>): string {
  if (profile === undefined) throw new Error("vLLM is no kind any more");
  const request = { body: new TextEncoder().encode(JSON.stringify(body)), requestId: "req-1" };
  const stream = api.translate(request).openStream({ profile, model: "tiny", defaults: undefined });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  const take = (bytes: Uint8Array | undefined) => {
    if (bytes === undefined) return;
    const lines = decoder.decode(bytes);
    // Whole lines only.
    expect(lines === "" || lines.endsWith("\n")).toBe(true);
    text += lines;
  };
  for (const piece of pieces) take(stream.push(piece));
  take(stream.end());
  return text.replace(/"(created_at|\w+_duration|id)":("[^"]*"|\d+)/g, '"$1":0');
}

const chunk = (choice: object, more: object = {}) =>
  `data: ${JSON.stringify({ model: "tiny", choices: [{ index: 0, ...choice }], ...more })}\n\n`;

const chat = [
  chunk({ delta: { role: "assistant", content: "" } }),
  chunk({ delta: { reasoning_content: "söme thought" } }),
  chunk({ delta: { content: "Größe 🦙 " } }),
  chunk({ delta: { tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: '{"x":' } }] } }),
  chunk({
    delta: { tool_calls: [{ index: 0, function: { arguments: '"é"}' } }] },
    finish_reason: "tool_calls",
  }),
  `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 3 } })}\n\n`,
  "data: [DONE]\n\n",
].join("");

const raw = [
  chunk({ text: "Größe " }),
  chunk({ text: "🦙", finish_reason: "stop" }),
  ": a comment\n\n",
  "data: [DONE]\n\n",
].join("");

const messages = [{ role: "user", content: "hi" }];
const streams: readonly (readonly [string, ClientApi, object, string])[] = [
  ["a chat", ollamaChatApi, { model: "tiny", messages }, chat],
  ["a generation", ollamaGenerateApi, { model: "tiny", prompt: "hi" }, chat],
  ["a raw generation", ollamaGenerateApi, { model: "tiny", prompt: "hi", raw: true }, raw],
];

describe.each(streams)("%s", (_name, api, body, text) => {
  const bytes = new TextEncoder().encode(text);

  test("is the same however its stream is cut", () => {
    const whole = tell(api, body, [bytes]);
    expect(whole).toContain('"done":true');
    for (let at = 1; at < bytes.length; at += 1) {
      expect(tell(api, body, [bytes.subarray(0, at), bytes.subarray(at)])).toBe(whole);
    }
    expect(
      tell(
        api,
        body,
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
      ),
    ).toBe(whole);
  });

  test("has no end where the stream has none, wherever it is cut", () => {
    const end = text.indexOf("finish_reason");
    for (let at = 0; at < end; at += 7) {
      const told = tell(api, body, [bytes.subarray(0, at)]);
      expect(told).not.toContain('"done":true');
      expect(told).toEndWith('"}\n');
      expect(told.trim().split("\n").at(-1)).toStartWith('{"error":"');
    }
  });
});
