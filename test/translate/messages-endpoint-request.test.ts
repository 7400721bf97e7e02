// What an endpoint that speaks only Anthropic's API is asked, where the two APIs differ.
import { describe, expect, test } from "bun:test";
import { OllaError } from "../../src/errors.ts";
import { anthropicEndpoint } from "../../src/translate/anthropic/endpoint/anthropic-endpoint.ts";
import type { ChatRequest, ReasoningWish } from "../../src/translate/chat-request.ts";
import { decodeChatRequest } from "../../src/translate/openai/client/decode-request.ts";
import { toText } from "../support/bytes.ts";
import { askedOf, messagesOnlyTarget, streamedChat } from "./support/messages-only.ts";

const { messages } = streamedChat;
const hi = messages[0];
const call = { id: "functions.find:0", type: "function", function: { name: "find", arguments: '{"a":1}' } };
const result = { role: "tool", tool_call_id: "functions.find:0", content: "found" };

function failureOf(run: () => unknown): OllaError {
  try {
    run();
  } catch (error) {
    if (error instanceof OllaError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("a conversation", () => {
  test("has its instructions apart, later ones in the user's words", () => {
    const asked = askedOf({
      messages: [
        { role: "system", content: "One." },
        { role: "developer", content: [{ type: "text", text: "Two." }] },
        hi,
        { role: "assistant", content: "Yes? " },
        { role: "system", content: "Three." },
        { role: "user", content: "Go on." },
      ],
    });
    expect(asked.system).toBe("One.\n\nTwo.");
    const [, said, next] = asked.messages as { role: string; content: unknown }[];
    expect(said).toEqual({ role: "assistant", content: "Yes? " });
    expect(JSON.stringify(next?.content)).toContain("<system>\\nThree.\\n</system>");
    expect(JSON.stringify(next?.content)).toContain("Go on.");
  });

  test("of instructions alone is asked by the user, one that the model begins begins with the user", () => {
    expect(askedOf({ messages: [{ role: "system", content: "Sing." }] })).toMatchObject({
      messages: [{ role: "user", content: "Sing." }],
    });
    const begun = askedOf({ messages: [{ role: "assistant", content: "Once upon a time \n" }] });
    expect(begun.messages).toEqual([
      { role: "user", content: "(The conversation begins.)" },
      { role: "assistant", content: "Once upon a time" },
    ]);
  });

  test("with calls of another server has ids that the API takes, and their tools though none is sent any more", () => {
    const asked = askedOf({
      messages: [hi, { role: "assistant", content: " ", tool_calls: [call] }, result],
    });
    expect(asked.messages).toEqual([
      hi,
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "functions_find_0", name: "find", input: { a: 1 } }],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "functions_find_0", content: "found" }],
      },
    ]);
    expect(asked).toMatchObject({ tools: [{ name: "find" }], tool_choice: { type: "none" } });
  });

  test("keeps numbers of any length in arguments", () => {
    const long = { ...call, function: { name: "find", arguments: '{"id":1234567890123456789}' } };
    const { request } = decodeChatRequest({
      model: "m",
      messages: [hi, { role: "assistant", tool_calls: [long] }, result],
    });
    const { body } = anthropicEndpoint.encode(request, messagesOnlyTarget());
    expect(toText(body)).toContain('"input":{"id":1234567890123456789}');
  });

  test("shows files", () => {
    const file = (mediaType: string) => ({
      type: "file",
      file: { filename: "a", file_data: `data:${mediaType};base64,aGk=` },
    });
    const asked = askedOf({
      messages: [{ role: "user", content: [file("application/pdf"), file("text/plain")] }],
    });
    expect(asked.messages).toEqual([
      {
        role: "user",
        content: [
          {
            type: "document",
            source: { type: "base64", media_type: "application/pdf", data: "aGk=" },
            title: "a",
          },
          { type: "document", source: { type: "text", media_type: "text/plain", data: "hi" }, title: "a" },
        ],
      },
    ]);
  });

  test("with sound is refused, so that another endpoint may hear it", () => {
    const sound = { type: "input_audio", input_audio: { data: "aGk=", format: "mp3" } };
    const error = failureOf(() => askedOf({ messages: [{ role: "user", content: [sound] }] }));
    expect([error.code, error.culprit]).toEqual(["not_supported", "client"]);
  });
});

describe("the limit", () => {
  test("is the client's, else the alias's, else the kind's", () => {
    expect(askedOf({ max_tokens: 5, max_completion_tokens: 6 }, { max_tokens: 7 }).max_tokens).toBe(6);
    expect(askedOf({}, { max_tokens: 7 }).max_tokens).toBe(7);
    expect(askedOf({}, { max_completion_tokens: 8 })).toMatchObject({ max_tokens: 8 });
    expect(askedOf({}).max_tokens).toBe(4096);
  });
});

describe("thinking", () => {
  const wish = (reasoning: ReasoningWish, members: Partial<ChatRequest> = {}) => {
    const { request } = decodeChatRequest({ model: "m", messages, temperature: 0.5, top_k: 3 });
    const { body } = anthropicEndpoint.encode({ ...request, reasoning, ...members }, messagesOnlyTarget());
    return JSON.parse(toText(body));
  };
  const budget = (budgetTokens: number) => ({ isOn: true, effort: undefined, budgetTokens });

  test("by effort is the model's own affair", () => {
    expect(askedOf({ reasoning_effort: "high" }).output_config).toEqual({ effort: "high" });
    expect(askedOf({ reasoning_effort: "minimal" }).output_config).toEqual({ effort: "low" });
    expect(askedOf({ reasoning_effort: "none" }).thinking).toEqual({ type: "disabled" });
    expect(askedOf({ chat_template_kwargs: { enable_thinking: false } }).thinking).toEqual({
      type: "disabled",
    });
  });

  test("by budget has room below the limit, and no sampling", () => {
    const asked = wish(budget(5000));
    expect(asked).toMatchObject({ max_tokens: 9096, thinking: { type: "enabled", budget_tokens: 5000 } });
    expect(asked.temperature ?? asked.top_k).toBeUndefined();
    const limits = (maxTokens: number) => ({ limits: { maxTokens, stopSequences: [] } });
    expect(wish(budget(5000), limits(3000)).thinking).toEqual({ type: "enabled", budget_tokens: 2999 });
    expect(wish(budget(1), limits(3000)).thinking).toEqual({ type: "enabled", budget_tokens: 1024 });
    const tight = wish(budget(5000), limits(1024));
    expect(tight).not.toHaveProperty("thinking");
    expect(tight.temperature).toBe(0.5);
  });

  test("is left out where the API would refuse it: a forced tool, a call whose thought is lost", () => {
    expect(wish(budget(5000), { toolChoice: { kind: "required" } })).not.toHaveProperty("thinking");
    const { request } = decodeChatRequest({
      model: "m",
      messages: [hi, { role: "assistant", tool_calls: [call], reasoning_content: "Hm." }, result],
    });
    expect(wish(budget(5000), { messages: request.messages })).not.toHaveProperty("thinking");
    const signed = request.messages.map((message) =>
      message.role !== "assistant"
        ? message
        : {
            ...message,
            parts: [{ kind: "reasoning" as const, text: "Hm.", signature: "s" }, ...message.parts],
          },
    );
    expect(wish(budget(5000), { messages: signed })).toHaveProperty("thinking");
  });
});

test("JSON without a schema is wished for in the instructions", () => {
  const asked = askedOf({ response_format: { type: "json_object" } });
  expect(asked.system).toBe("Answer with one JSON object and nothing else.");
});

test("what only chat completions have is left out, and stop sequences of space, too", () => {
  const asked = askedOf({
    seed: 1,
    presence_penalty: 1,
    frequency_penalty: 1,
    min_p: 0.1,
    logprobs: true,
    stop: ["\n\n", "END"],
    user: "me",
  });
  expect(asked).toEqual({
    model: "asked-model",
    max_tokens: 4096,
    messages,
    stop_sequences: ["END"],
    metadata: { user_id: "me" },
    stream: false,
  });
});

describe("tools", () => {
  const tool = (name: string, parameters?: object) => ({ type: "function", function: { name, parameters } });

  test("have a schema of an object, and nothing else in it is changed", () => {
    const schema = { properties: { a: { type: "string" } }, $defs: {} };
    expect(askedOf({ tools: [tool("a", schema), tool("b")] }).tools).toEqual([
      { name: "a", input_schema: { type: "object", ...schema } },
      { name: "b", input_schema: { type: "object", properties: {} } },
    ]);
  });

  test("are chosen in every form", () => {
    const chosen = (tool_choice: unknown, members: object = {}) =>
      askedOf({
        tools: [tool("a"), tool("b"), { type: "custom", custom: { name: "c" } }],
        tool_choice,
        ...members,
      });
    expect(chosen("auto").tool_choice).toEqual({ type: "auto" });
    expect(chosen("none").tool_choice).toEqual({ type: "none" });
    expect(chosen("required").tool_choice).toEqual({ type: "any" });
    expect(chosen({ type: "function", function: { name: "b" } }).tool_choice).toEqual({
      type: "tool",
      name: "b",
    });
    expect(chosen({ type: "custom", custom: { name: "c" } }).tool_choice).toEqual({ type: "auto" });
    expect(chosen(undefined).tool_choice).toBeUndefined();
    expect(chosen(undefined, { parallel_tool_calls: false }).tool_choice).toEqual({
      type: "auto",
      disable_parallel_tool_use: true,
    });
    const allowed = { mode: "required", tools: [{ type: "function", function: { name: "b" } }] };
    const narrowed = chosen({ type: "allowed_tools", allowed_tools: allowed });
    expect(narrowed.tool_choice).toEqual({ type: "any" });
    expect((narrowed.tools as { name: string }[]).map(({ name }) => name)).toEqual(["b"]);
  });

  test("that are no functions are left out, and the client is told", () => {
    const { notices } = decodeChatRequest({ model: "m", messages, tools: [{ type: "custom" }] });
    expect(notices).toEqual([["X-Olla-Dropped-Tools", "custom"]]);
  });
});

test.each([
  [{ model: undefined }, "model"],
  [{ messages: undefined }, "messages"],
  [{ messages: [] }, "messages"],
  [{ messages: [{ role: "user", content: "" }] }, "messages"],
  [{ messages: [{ role: "function", content: "x" }] }, "messages[0].role"],
  [{ messages: [{ role: "user", content: 5 }] }, "messages[0].content"],
  [{ messages: [{ role: "user", content: [{ type: "video_url" }] }] }, "messages[0].content[0].type"],
  [{ messages: [hi, { role: "tool", content: "x" }] }, "messages[1].tool_call_id"],
  [
    { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "f" } }] }] },
    "messages[0].content[0].file.file_id",
  ],
  [{ n: 2 }, "n"],
  [{ functions: [] }, "functions"],
  [{ max_tokens: 0 }, "max_tokens"],
  [{ max_tokens: 1.5 }, "max_tokens"],
  [{ temperature: 3 }, "temperature"],
  [{ stop: 5 }, "stop"],
  [{ stream: "yes" }, "stream"],
  [{ tools: {} }, "tools"],
  [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name"],
  [{ tool_choice: 5 }, "tool_choice"],
])("%j is refused, and the member at fault named", (members, field) => {
  const error = failureOf(() => decodeChatRequest({ model: "m", messages, ...members }));
  expect([error.code, error.field]).toEqual(["invalid_request", field]);
});
