// What a chat endpoint is asked for a Responses request.
import { describe, expect, test } from "bun:test";
import { OllaError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { askedOf, createStore, minimalRequest, translateResponses } from "./support/responses-events.ts";
import { targetOf } from "./support/translate-stream.ts";

function messagesOf(members: object): JsonObject[] {
  return askedOf(members).messages as JsonObject[];
}

function functionsOf(members: object): JsonObject[] {
  return ((askedOf(members).tools ?? []) as { function: JsonObject }[]).map((tool) => tool.function);
}

function refusalOf(members: object): { code: string; field: string | undefined; message: string } {
  try {
    askedOf(members);
  } catch (error) {
    if (error instanceof OllaError) {
      const { code, field, message } = error;
      return { code, field, message };
    }
    throw error;
  }
  throw new Error("the request was taken");
}

const user = { role: "user", content: "Hi" };
const call = { type: "function_call", call_id: "call_1", name: "one", arguments: '{"a":1}' };
const result = { type: "function_call_output", call_id: "call_1", output: "done" };

describe("input", () => {
  test.each([
    ["a text", "Hi"],
    ["a list of texts", ["Hi"]],
    ["a message without a type", [user]],
    ["a message with one", [{ type: "message", ...user }]],
    ["a message of parts", [{ role: "user", content: [{ type: "input_text", text: "Hi" }] }]],
  ])("as %s is what the user says", (_, input) => {
    expect(messagesOf({ input })).toEqual([user]);
  });

  test.each([[undefined], [null], [""], [[]]])("of nothing (%p) asks the model nothing: a probe", (input) => {
    const asked = askedOf({ input, max_output_tokens: 1 });
    expect(asked).toMatchObject({ messages: [{ role: "user", content: "" }], max_tokens: 1 });
  });

  test("of the model's own words, with and without a type, becomes its turn", () => {
    const input = [
      user,
      { role: "assistant", content: "Hello" },
      { role: "user", content: "And?" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "So" }] },
      { role: "user", content: "Go on" },
      { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "No" }] },
    ];
    expect(messagesOf({ input })).toMatchObject([
      user,
      { role: "assistant", content: "Hello" },
      { role: "user" },
      { role: "assistant", content: "So" },
      { role: "user" },
      { role: "assistant", content: "No" },
    ]);
  });

  test("of instructions for developers comes first, as one system message with `instructions`", () => {
    const input = [
      { role: "developer", content: [{ type: "input_text", text: "Use tools." }] },
      { role: "system", content: "Be kind." },
      user,
    ];
    const [system, ...others] = messagesOf({ input, instructions: "Be brief." });
    expect(system).toEqual({ role: "system", content: "Be brief.\n\nUse tools.\n\nBe kind." });
    expect(others).toEqual([user]);
  });

  test("of images, files and sound reaches the endpoint", () => {
    const content = [
      { type: "input_text", text: "Look" },
      { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "high" },
      { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,BBBB" },
      { type: "input_audio", input_audio: { data: "CCCC", format: "mp3" } },
    ];
    expect(messagesOf({ input: [{ role: "user", content }] })).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "high" } },
          { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,BBBB" } },
          { type: "input_audio", input_audio: { data: "CCCC", format: "mp3" } },
        ],
      },
    ]);
  });

  test("of calls and their results: results stand right behind their calls, in the calls' order", () => {
    const second = { ...call, call_id: "call_2", name: "two" };
    const input = [
      user,
      call,
      second,
      { role: "assistant", content: "Calling." },
      { ...result, call_id: "call_2", output: "2" },
      { role: "user", content: "Hurry" },
      { ...result, output: [{ type: "input_text", text: "1" }] },
    ];
    expect(messagesOf({ input })).toMatchObject([
      user,
      { role: "assistant", content: "Calling.", tool_calls: [{ id: "call_1" }, { id: "call_2" }] },
      { role: "tool", tool_call_id: "call_1", content: "1" },
      { role: "tool", tool_call_id: "call_2", content: "2" },
      { role: "user", content: "Hurry" },
    ]);
  });

  test("with the same call id in two turns keeps each result with its own call", () => {
    const input = [user, call, { ...result, output: "first" }, call, { ...result, output: "second" }];
    const results = messagesOf({ input }).filter(({ role }) => role === "tool");
    expect(results.map(({ content }) => content)).toEqual(["first", "second"]);
  });

  test("of a free-text call has the text in the function's only member", () => {
    const input = [
      user,
      { type: "custom_tool_call", call_id: "call_1", name: "patch", input: "*** Begin" },
      { type: "custom_tool_call_output", call_id: "call_1", output: "ok" },
    ];
    expect(messagesOf({ input })[1]).toMatchObject({
      tool_calls: [{ id: "call_1", function: { name: "patch", arguments: '{"input":"*** Begin"}' } }],
    });
    expect(messagesOf({ input })[2]).toMatchObject({ role: "tool", content: "ok" });
  });

  test("of thoughts goes to the turn that they belong to, encrypted ones nowhere", () => {
    const input = [
      user,
      { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" },
      { type: "reasoning", id: "rs_2", summary: [{ type: "summary_text", text: "Hm" }], content: null },
      call,
      result,
      { type: "reasoning", id: "rs_3", content: [{ type: "reasoning_text", text: "Lost" }] },
      { role: "user", content: "And?" },
    ];
    const messages = messagesOf({ input });
    expect(messages[1]).toMatchObject({ reasoning_content: "Hm", tool_calls: [{ id: "call_1" }] });
    expect(JSON.stringify(messages)).not.toContain("gAAA");
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user"]);
  });

  test("that only OpenAI's own tools have made is left out", () => {
    const strangers = [
      { type: "web_search_call", id: "ws_1", status: "completed" },
      { type: "local_shell_call", call_id: "c", action: {} },
      { type: "local_shell_call_output", call_id: "c", output: "x" },
      { type: "mcp_list_tools", id: "mcpl_1", tools: [] },
      { type: "mcp_call", id: "mcp_1", name: "x", arguments: "{}" },
      { type: "compaction", encrypted_content: "gAAA" },
      { type: "compaction_trigger" },
      { type: "made_up_tomorrow" },
    ];
    expect(messagesOf({ input: [user, ...strangers] })).toEqual([user]);
  });

  test.each<[string, unknown, string]>([
    ["a number", 5, "input"],
    ["a list of numbers", [5], "input[0]"],
    ["a role that nobody has", [{ role: "critic", content: "Hi" }], "input[0].role"],
    ["a call without an id", [{ type: "function_call", name: "one" }], "input[0].call_id"],
    ["a call without a name", [{ type: "function_call", call_id: "c" }], "input[0].name"],
    ["a result of no call", [user, result], "input[1].call_id"],
    ["a result before its call", [result, call], "input[0].call_id"],
    ["a reference to nothing", [{ type: "item_reference", id: "msg_1" }], "input[0].id"],
    ["a reference without a type", [{ id: "msg_1" }], "input[0].id"],
    [
      "a file at OpenAI",
      [{ role: "user", content: [{ type: "input_file", file_id: "file-1" }] }],
      "input[0].content[0].file_id",
    ],
    [
      "an image at OpenAI",
      [{ role: "user", content: [{ type: "input_image", file_id: "file-1" }] }],
      "input[0].content[0].file_id",
    ],
  ])("that is %s is refused, by its name", (_, input, field) => {
    expect(refusalOf({ input })).toMatchObject({ code: "invalid_request", field });
  });
});

const plainTool = { type: "function", name: "one", description: "First.", parameters: { type: "object" } };

describe("tools", () => {
  test("that are functions go on unchanged", () => {
    const parameters = {
      type: "object",
      properties: { a: { $ref: "#/$defs/x" } },
      $defs: { x: { anyOf: [{ type: "null" }, { type: "integer" }] } },
      additionalProperties: false,
    };
    expect(functionsOf({ tools: [{ ...plainTool, parameters, strict: true }] })).toEqual([
      { name: "one", description: "First.", parameters, strict: true },
    ]);
  });

  test("in groups are functions with names of their own, in the conversation, too", () => {
    const group = (name: string) => ({ type: "namespace", name, tools: [{ type: "function", name: "run" }] });
    const members = {
      tools: [group("agents"), group("jobs")],
      input: [user, { ...call, name: "run", namespace: "jobs" }, result],
    };
    expect(functionsOf(members).map(({ name }) => name)).toEqual(["agents__run", "jobs__run"]);
    expect(messagesOf(members)[1]).toMatchObject({ tool_calls: [{ function: { name: "jobs__run" } }] });
  });

  test("of free text are told their grammar", () => {
    const format = { type: "grammar", syntax: "lark", definition: 'start: "a"' };
    const [tool] = functionsOf({ tools: [{ type: "custom", name: "patch", description: "Edits.", format }] });
    expect(tool).toMatchObject({ name: "patch", parameters: { required: ["input"] } });
    expect(tool?.description).toBe('Edits.\n\nThe text must follow this grammar:\nstart: "a"');
  });

  test("that came up on the way can be called", () => {
    const found = { type: "namespace", name: "maps", tools: [{ type: "function", name: "find" }] };
    const search = { type: "tool_search", execution: "client", description: "Finds.", parameters: {} };
    const members = {
      tools: [search],
      input: [
        user,
        { type: "tool_search_call", call_id: "call_1", execution: "client", arguments: { query: "map" } },
        { type: "tool_search_output", call_id: "call_1", execution: "client", tools: [found] },
        { type: "additional_tools", role: "developer", tools: [plainTool] },
      ],
    };
    expect(functionsOf(members).map(({ name }) => name)).toEqual(["tool_search", "maps__find", "one"]);
    expect(messagesOf(members).slice(1)).toMatchObject([
      { tool_calls: [{ function: { name: "tool_search", arguments: '{"query":"map"}' } }] },
      { role: "tool", tool_call_id: "call_1", content: '{"found":["maps"]}' },
    ]);
  });

  test("that nobody here runs are dropped and named", () => {
    const types = ["web_search", "image_generation", "file_search", "code_interpreter", "mcp", "tool_search"];
    const tools = [plainTool, ...[...types, "local_shell"].map((type) => ({ type }))];
    const { notices } = translateResponses({ ...minimalRequest, tools });
    expect(notices).toEqual([["X-Olla-Dropped-Tools", [...types, "local_shell"].join(", ")]]);
    expect(functionsOf({ tools })).toHaveLength(1);
  });

  test("without a name are refused", () => {
    expect(refusalOf({ tools: [{ type: "function" }] }).field).toBe("tools[0].name");
    const group = { type: "namespace", name: "agents", tools: [{ type: "custom" }] };
    expect(refusalOf({ tools: [plainTool, group] }).field).toBe("tools[1].tools[0].name");
  });
});

describe("the choice of tools", () => {
  const tools = [
    plainTool,
    { type: "custom", name: "patch" },
    { type: "namespace", name: "agents", tools: [{ type: "function", name: "spawn" }] },
    { type: "web_search" },
  ];
  const named = (name: string) => ({ type: "function", function: { name } });

  test.each<[unknown, unknown]>([
    [undefined, undefined],
    ["auto", "auto"],
    ["none", "none"],
    ["required", "required"],
    [{ type: "function", name: "one" }, named("one")],
    [{ type: "custom", name: "patch" }, named("patch")],
    [{ type: "function", name: "spawn", namespace: "agents" }, named("agents__spawn")],
    [{ type: "function", name: "unknown" }, "auto"],
    [{ type: "web_search" }, "auto"],
    [{ type: "mcp", server_label: "x", name: "y" }, "auto"],
  ])("%p is %p", (choice, wanted) => {
    expect(askedOf({ tools, tool_choice: choice }).tool_choice).toEqual(wanted);
  });

  test("of some allowed ones leaves the others out", () => {
    const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "one" }] };
    expect(functionsOf({ tools, tool_choice: allowed }).map(({ name }) => name)).toEqual(["one"]);
    expect(askedOf({ tools, tool_choice: allowed }).tool_choice).toBe("required");
  });

  test("of allowed ones that were all dropped leaves none", () => {
    const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "web_search" }] };
    expect(askedOf({ tools, tool_choice: allowed })).not.toHaveProperty("tools");
  });
});

describe("other members", () => {
  test("that chat completions know are said in their words", () => {
    const schema = { type: "object", properties: { a: { const: 1 } } };
    const asked = askedOf({
      tools: [plainTool],
      parallel_tool_calls: false,
      max_output_tokens: 50,
      temperature: 0.5,
      top_p: 0.9,
      presence_penalty: 0.1,
      text: { format: { type: "json_schema", name: "n", schema, strict: true }, verbosity: "low" },
      reasoning: { effort: "low", summary: "auto" },
      user: "me",
    });
    expect(asked).toMatchObject({
      parallel_tool_calls: false,
      max_tokens: 50,
      temperature: 0.5,
      top_p: 0.9,
      presence_penalty: 0.1,
      response_format: { type: "json_schema", json_schema: { name: "n", schema, strict: true } },
      reasoning_effort: "low",
      user: "me",
      stream: false,
    });
  });

  test("that only OpenAI's servers use do not get in the way", () => {
    const asked = askedOf({
      include: ["reasoning.encrypted_content"],
      truncation: "auto",
      metadata: { a: "b" },
      prompt_cache_key: "key",
      service_tier: "flex",
      background: true,
      conversation: null,
      client_metadata: {},
      max_tool_calls: 3,
    });
    expect(Object.keys(asked).toSorted()).toEqual(["messages", "model", "stream"]);
  });

  test.each<[object, string]>([
    [{ model: undefined }, "model"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "pmpt_1" } }, "prompt"],
    [{ temperature: 3 }, "temperature"],
    [{ max_output_tokens: 0 }, "max_output_tokens"],
    [{ text: { format: { type: "json_schema", name: "n" } } }, "text.format.schema"],
  ])("%p is refused", (members, field) => {
    expect(refusalOf(members)).toMatchObject({ code: "invalid_request", field });
  });
});

describe("going on from a response", () => {
  const store = createStore();
  const answer = (members: object, message: object): JsonObject => {
    const translation = translateResponses({ ...minimalRequest, ...members }, store);
    const choices = [{ index: 0, finish_reason: "stop", message }];
    const { body } = translation.decodeWhole(toBytes(JSON.stringify({ choices })), targetOf("vllm"));
    return JSON.parse(toText(body));
  };

  test("says all that was said, without the instructions of then", () => {
    const first = answer({ input: "One", instructions: "Old." }, { content: "1" });
    const second = answer({ input: "Two", previous_response_id: first.id }, { content: "2" });
    const asked = askedOf({ input: "Three", previous_response_id: second.id, instructions: "New." }, store);
    expect(asked.messages).toEqual([
      { role: "system", content: "New." },
      { role: "user", content: "One" },
      { role: "assistant", content: "1" },
      { role: "user", content: "Two" },
      { role: "assistant", content: "2" },
      { role: "user", content: "Three" },
    ]);
  });

  test("resolves references into what is kept", () => {
    const first = answer({ input: "One" }, { content: "1" });
    const [item] = first.output as { id: string }[];
    const input = [
      { type: "item_reference", id: item?.id },
      { role: "user", content: "Two" },
    ];
    const second = answer({ input }, { content: "2" });
    store.delete(String(first.id));
    const asked = askedOf({ input: "Three", previous_response_id: second.id }, store);
    expect(asked.messages).toMatchObject([
      { role: "assistant", content: "1" },
      { role: "user", content: "Two" },
      { role: "assistant", content: "2" },
      { role: "user", content: "Three" },
    ]);
  });

  test("is refused for what was not to be stored, and for what is unknown", () => {
    const { id } = answer({ store: false }, { content: "1" });
    for (const previous_response_id of [id, "resp_unknown"]) {
      expect(refusalOf({ previous_response_id })).toMatchObject({
        code: "previous_response_not_found",
        field: "previous_response_id",
      });
    }
  });
});

test("a whole answer shows what was asked again, and what was cut as incomplete", () => {
  const body = {
    ...minimalRequest,
    metadata: { a: "b" },
    reasoning: { effort: "low" },
    text: { verbosity: "low" },
  };
  const message = { reasoning_content: "Hm", content: "It beg" };
  const bytes = toBytes(JSON.stringify({ model: "m", choices: [{ finish_reason: "length", message }] }));
  const answer = JSON.parse(toText(translateResponses(body).decodeWhole(bytes, targetOf("vllm")).body));
  expect(answer).toMatchObject({
    object: "response",
    model: "m",
    status: "incomplete",
    completed_at: null,
    metadata: { a: "b" },
    reasoning: { effort: "low", summary: null },
    text: { format: { type: "text" }, verbosity: "low" },
    output: [
      { type: "reasoning", status: "completed", content: [{ text: "Hm" }] },
      { type: "message", status: "incomplete", content: [{ text: "It beg", annotations: [] }] },
    ],
  });
});

test.each([
  ["the text in its member", '{"input":"a"}', "a"],
  ["no text", '{"input":""}', ""],
  ["nothing", "{}", ""],
  ["a member of another name", '{"patch":"a"}', "a"],
  ["a JSON text", '"a"', "a"],
  ["text that is no JSON", "*** Begin", "*** Begin"],
])("a free-text tool that was called with %s gets it", (_, given, input) => {
  const body = { ...minimalRequest, tools: [{ type: "custom", name: "patch" }] };
  const tool_calls = [{ id: "call_1", function: { name: "patch", arguments: given } }];
  const bytes = toBytes(
    JSON.stringify({ choices: [{ finish_reason: "tool_calls", message: { tool_calls } }] }),
  );
  const answer = JSON.parse(toText(translateResponses(body).decodeWhole(bytes, targetOf("vllm")).body));
  expect(answer.output).toMatchObject([{ type: "custom_tool_call", call_id: "call_1", input }]);
});
