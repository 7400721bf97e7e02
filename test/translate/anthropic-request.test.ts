// What becomes of a Messages request before an endpoint that speaks chat completions: anthropic.md §5.1 and §5.2, row by row.
import { describe, expect, test } from "bun:test";
import { OllaError } from "../../src/errors.ts";
import { ask, hello, minimal, translate } from "./support/ask-anthropic.ts";

function refusalOf(body: unknown): { field: string | undefined; message: string; status: number } {
  try {
    translate(body);
  } catch (error) {
    if (error instanceof OllaError)
      return { field: error.field, message: error.message, status: error.status };
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a body that is refused with 400, naming the member", () => {
  test.each([
    ["model", { model: undefined }, "model field is required"],
    ["model", { model: "" }, "model field is required"],
    ["model", { model: 7 }, "expected a text, got 7"],
    ["messages", { messages: undefined }, "got nothing"],
    ["messages", { messages: "Hello" }, "got a text"],
    ["messages", { messages: [] }, "at least one message is required"],
    ["messages", { messages: [{ role: "user", content: "" }] }, "at least one message with content"],
    ["messages[0]", { messages: ["Hello"] }, "got a text"],
    ["messages[0].role", { messages: [{ content: "Hello" }] }, "got nothing"],
    ["messages[1].content", { messages: [...hello, { role: "user", content: null }] }, "got null"],
    ["messages[0].content", { messages: [{ role: "user", content: 5 }] }, "got 5"],
    ["max_tokens", { max_tokens: undefined }, "max_tokens must be at least 1, got 0"],
    ["max_tokens", { max_tokens: 0 }, "max_tokens must be at least 1, got 0"],
    ["max_tokens", { max_tokens: 1.5 }, "got 1.5"],
    ["max_tokens", { max_tokens: "5" }, "got a text"],
    ["temperature", { temperature: 2.1 }, "from 0 to 2"],
    ["temperature", { temperature: "hot" }, "got a text"],
    ["top_p", { top_p: 1.01 }, "from 0 to 1"],
    ["top_k", { top_k: -1 }, "of at least 0"],
    ["top_k", { top_k: 1.5 }, "whole number"],
    ["stream", { stream: "true" }, "true or false"],
    ["metadata", { metadata: "me" }, "got a text"],
    ["stop_sequences", { stop_sequences: "END" }, "got a text"],
    ["stop_sequences[1]", { stop_sequences: ["END", 1] }, "got 1"],
    ["tools", { tools: {} }, "got an object"],
    ["tools[0]", { tools: ["get_time"] }, "got a text"],
    ["tools[0].name", { tools: [{ input_schema: {} }] }, "expected a name"],
    ["tool_choice", { tool_choice: { type: "tool" } }, "tool_choice type 'tool' requires 'name' field"],
    ["tool_choice", { tool_choice: { type: "tool", name: 7 } }, "requires 'name' field"],
  ])("%s: %j", (field, members, message) => {
    const refusal = refusalOf({ ...minimal, ...members });
    expect(refusal).toMatchObject({ field, status: 400 });
    expect(refusal.message).toContain(message);
  });

  test.each(["", "[]", "null", "{", '"text"'])("%j, which is no object", (body) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, message: "The request's body is no JSON object" });
  });
});

describe("a member", () => {
  const tool = { name: "get_time", input_schema: { type: "object", properties: {} } };
  const tools = [tool];
  const wire = {
    type: "function",
    function: { name: "get_time", description: "", parameters: tool.input_schema },
  };
  const named = { type: "function", function: { name: "get_time" } };

  test("none but the required ones", () => {
    expect(ask({})).toEqual({ model: "m", messages: hello, max_tokens: 5, stream: false });
  });

  const both = (member: string, value: unknown) => [{ [member]: value }, { [member]: value }] as const;
  test.each<readonly [members: object, expected: object]>([
    both("temperature", 0),
    both("temperature", 2),
    both("top_p", 0.5),
    both("top_k", 0),
    [{ stream: true }, { stream: true, stream_options: { include_usage: true } }],
    [{ stream: null }, { stream: false, stream_options: undefined }],
    [{ temperature: null }, { temperature: undefined }],
    [{ stop_sequences: ["a", "b"] }, { stop: ["a", "b"] }],
    [{ stop_sequences: [] }, { stop: undefined }],
    [{ metadata: { user_id: "u1" } }, { user: "u1", metadata: undefined }],
    [{ metadata: { user_id: "u".repeat(65) } }, { user: undefined }],
    [{ metadata: null }, { user: undefined }],
    [
      { thinking: { type: "enabled", budget_tokens: 9000 } },
      { thinking: undefined, reasoning_effort: undefined },
    ],
    [{ thinking: { type: "disabled" } }, { chat_template_kwargs: { enable_thinking: false } }],
    [{ thinking: null }, { chat_template_kwargs: undefined }],
    [
      { context_management: { edits: [] }, mcp_servers: [], service_tier: "auto" },
      { context_management: undefined },
    ],
    [{ output_config: { effort: "high" } }, { output_config: undefined, reasoning_effort: undefined }],
    [{ system: "Be brief." }, { messages: [{ role: "system", content: "Be brief." }, ...hello] }],
    [{ system: "" }, { messages: hello }],
    [{ system: 5 }, { messages: hello }],
    [{ system: [{ type: "text", text: "" }, { type: "image" }] }, { messages: hello }],
    [{ tools }, { tools: [wire], tool_choice: undefined }],
    [{ tools: [] }, { tools: undefined }],
    [{ tools: null }, { tools: undefined }],
    [{ tools: [{ name: "get_time", type: "custom" }] }, { tools: [wire] }],
    [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, { tools: undefined }],
    [{ tools, tool_choice: "auto" }, { tool_choice: "auto" }],
    [{ tools, tool_choice: { type: "auto" } }, { tool_choice: "auto" }],
    [{ tools, tool_choice: "any" }, { tool_choice: "required" }],
    [{ tools, tool_choice: { type: "any" } }, { tool_choice: "required" }],
    [{ tools, tool_choice: "none" }, { tool_choice: "none" }],
    [{ tools, tool_choice: { type: "none" } }, { tool_choice: "none" }],
    [{ tools, tool_choice: { type: "tool", name: "get_time" } }, { tool_choice: named }],
    [{ tools, tool_choice: "whatever" }, { tool_choice: "auto" }],
    [{ tools, tool_choice: [1] }, { tool_choice: "auto" }],
    [
      { tools, tool_choice: { type: "auto", disable_parallel_tool_use: true } },
      { parallel_tool_calls: false },
    ],
    [{ tools, tool_choice: { type: "auto" } }, { parallel_tool_calls: undefined }],
    [{ tool_choice: { type: "any", disable_parallel_tool_use: true } }, { tool_choice: undefined }],
    [
      {
        tools: [...tools, { type: "bash_20250124", name: "bash" }],
        tool_choice: { type: "tool", name: "bash" },
      },
      { tools: [wire], tool_choice: "auto" },
    ],
  ])("%j becomes %j", (members, expected) => {
    const body = ask(members);
    for (const [name, value] of Object.entries(expected))
      expect({ [name]: body[name] }).toEqual({ [name]: value });
  });

  test("a system of cached blocks becomes one message with their texts", () => {
    const system = [
      { type: "text", text: "One. ", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Two." },
    ];
    expect(ask({ system }).messages).toEqual([{ role: "system", content: "One. Two." }, ...hello]);
  });

  test("a schema for the answer becomes one", () => {
    const schema = { type: "object", properties: { city: { type: "string" } } };
    const expected = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
    const format = { type: "json_schema", schema };
    expect(ask({ output_config: { format } }).response_format).toEqual(expected);
    expect(ask({ output_format: format }).response_format).toEqual(expected);
  });

  test("the tools that no endpoint can run are named to the client", () => {
    const tools = [{ type: "web_search_20250305", name: "web_search" }, tool];
    expect(translate({ ...minimal, tools }).notices).toEqual([
      ["X-Olla-Dropped-Tools", "web_search_20250305"],
    ]);
    expect(translate(minimal).notices).toEqual([]);
  });

  test.each(["openai-compatible", "litellm"])("top_k is no member of %s", (kind) => {
    expect(ask({ top_k: 3 }, kind)).not.toHaveProperty("top_k");
  });

  test.each(["ollama", "lm-studio", "openai-compatible"])("%s knows no chat_template_kwargs", (kind) => {
    expect(ask({ thinking: { type: "disabled" } }, kind)).not.toHaveProperty("chat_template_kwargs");
  });
});
