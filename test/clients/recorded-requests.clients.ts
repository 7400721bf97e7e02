// What the programs really sent (`recorded/`), put into chat completions: it must suit the strictest chat templates.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { createAnthropicApi } from "../../src/translate/anthropic/anthropic-api.ts";
import type { ClientApi } from "../../src/translate/client-api.ts";
import { ResponseStore } from "../../src/translate/responses/response-store.ts";
import { createResponsesApi } from "../../src/translate/responses/responses-api.ts";

interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly { id: string; function: { name: string; arguments: string } }[];
}

interface ChatBody {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly { type: string; function: { name: string; parameters: object } }[];
}

interface Recorded {
  readonly title: string;
  readonly api: ClientApi;
  readonly body: Uint8Array;
}

const apis: readonly (readonly [ending: string, api: ClientApi])[] = [
  ["/v1/messages", createAnthropicApi({ isPassthroughOn: false })],
  ["/v1/responses", createResponsesApi(new ResponseStore({ maxCount: 10, maxBytes: 1_000_000 }))],
];

async function readRecordings(): Promise<Recorded[]> {
  const folder = join(import.meta.dir, "recorded");
  const found: Recorded[] = [];
  for (const file of [...new Bun.Glob("*/*.jsonl").scanSync(folder)].toSorted()) {
    const lines = (await Bun.file(join(folder, file)).text()).trim().split("\n");
    for (const [index, line] of lines.entries()) {
      const { target, body } = JSON.parse(line) as { target: string; body?: unknown };
      const path = target.split("?")[0] ?? "";
      const api = apis.find(([ending]) => path.endsWith(ending))?.[1];
      if (api === undefined || body === undefined) continue;
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      found.push({ title: `${file}, line ${index + 1}`, api, body: bytes });
    }
  }
  return found;
}

const profile = builtinProfiles().find(({ name }) => name === "openai-compatible");

function translate({ api, body }: Recorded): ChatBody {
  if (profile === undefined) throw new Error("the fallback profile is gone");
  const translation = api.translate({ body, requestId: "request-1" });
  const { body: written } = translation.encode({ profile, model: "tiny", defaults: undefined });
  return JSON.parse(new TextDecoder().decode(written)) as ChatBody;
}

const recordings = await readRecordings();

describe.each(recordings.map((recorded) => [recorded.title, recorded] as const))("%s", (_title, recorded) => {
  const { messages, tools } = translate(recorded);

  test("has one system message, at the beginning", () => {
    const places = messages.flatMap(({ role }, index) => (role === "system" ? [index] : []));
    expect(places).toEqual([0]);
  });

  test("every call is answered right behind it, in the order of the calls", () => {
    for (const [index, { tool_calls: calls }] of messages.entries()) {
      if (calls === undefined) continue;
      const answers = messages.slice(index + 1, index + 1 + calls.length);
      expect(answers.map((answer) => answer.tool_call_id)).toEqual(calls.map((call) => call.id));
      for (const call of calls) expect(() => JSON.parse(call.function.arguments)).not.toThrow();
      for (const answer of answers) expect(answer.content).not.toBe("");
    }
    const answered = messages.filter(({ role }) => role === "tool").length;
    expect(messages.flatMap((message) => message.tool_calls ?? [])).toHaveLength(answered);
  });

  test("no message is empty", () => {
    const empty = messages.filter(
      ({ content, tool_calls }) =>
        tool_calls === undefined && (content === null || (content as { length: number }).length === 0),
    );
    expect(empty).toEqual([]);
  });

  test("tools are functions with names of their own, and none that waits to be loaded", () => {
    const names = tools.map((tool) => tool.function.name);
    expect(new Set(tools.map((tool) => tool.type))).toEqual(new Set(["function"]));
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain("DeferredToolPlaceholder");
    for (const name of names) expect(name).toMatch(/^[\w-]{1,64}$/);
  });

  test("what is only for Anthropic's own servers does not change the beginning of every prompt", () => {
    expect(JSON.stringify(messages[0])).not.toContain("x-anthropic-billing-header");
  });
});
