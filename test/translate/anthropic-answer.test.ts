// A whole answer and a refusal of an endpoint, as a Messages client gets them: anthropic.md §6 and §8, row by row.
import { describe, expect, test } from "bun:test";
import { OllaError } from "../../src/errors.ts";
import { readRefusal } from "../../src/translate/answer-error.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { minimal, translate } from "./support/ask-anthropic.ts";
import { targetOf } from "./support/translate-stream.ts";

const text = (said: string) => ({ type: "text", text: said });
const call = (id: unknown, name: unknown, args: unknown) => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
const use = (id: unknown, input: object) => ({ type: "tool_use", id, name: "run", input });

function decode(answer: unknown, request: object = {}): Record<string, unknown> {
  const bytes = toBytes(typeof answer === "string" ? answer : JSON.stringify(answer));
  const { contentType, body } = translate({ ...minimal, ...request }).decodeWhole(bytes, targetOf("vllm"));
  expect(contentType).toBe("application/json");
  return JSON.parse(toText(body));
}

function decodeMessage(message: object, choice: object = {}, request: object = {}): Record<string, unknown> {
  return decode({ model: "m", choices: [{ message, finish_reason: "stop", ...choice }] }, request);
}

test("an answer has all members that a message has", () => {
  const usage = { prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 7 } };
  const answer = decode({
    model: "served",
    choices: [{ message: { content: "Hi" }, finish_reason: "stop" }],
    usage,
  });
  expect(answer).toEqual({
    id: expect.stringMatching(/^msg_01[1-9A-HJ-NP-Za-km-z]{22}$/),
    type: "message",
    role: "assistant",
    model: "served",
    content: [text("Hi")],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 4, cache_creation_input_tokens: 0, cache_read_input_tokens: 7 },
  });
});

describe("content", () => {
  const thinking = (thought: string) => ({ type: "thinking", thinking: thought, signature: "" });
  test.each<readonly [message: object, content: readonly object[]]>([
    [{}, [text("")]],
    [{ content: null }, [text("")]],
    [{ content: "" }, [text("")]],
    [{ content: [text("a"), text("b")] }, [text("ab")]],
    [{ content: "a", reasoning: "r" }, [thinking("r"), text("a")]],
    [{ content: "a", reasoning_content: "r" }, [thinking("r"), text("a")]],
    [{ content: "a", reasoning: "", reasoning_content: "r" }, [thinking("r"), text("a")]],
    [{ refusal: "No." }, [text("No.")]],
    [{ content: "a", tool_calls: [call("c1", "run", '{"a":1}')] }, [text("a"), use("c1", { a: 1 })]],
    [{ tool_calls: [call("c1", "run", "")] }, [use("c1", {})]],
    [{ tool_calls: [call("c1", "run", null)] }, [use("c1", {})]],
    [{ tool_calls: [call("c1", "run", '{"a":')] }, [use("c1", {})]],
    [{ tool_calls: [call("c1", "run", "[1]")] }, [use("c1", {})]],
    [{ tool_calls: [call("c1", "run", { a: 1 })] }, [use("c1", { a: 1 })]],
    [{ tool_calls: [call("c1", "", "{}"), { id: "c2" }] }, [text("")]],
    [{ tool_calls: null, function_call: null }, [text("")]],
  ])("%j", (message, content) => {
    expect(decodeMessage(message).content).toEqual([...content]);
  });

  test("calls without an id, or with one that another call has, get their own", () => {
    const calls = [call(undefined, "run", "{}"), call("c1", "run", "{}"), call("c1", "run", "{}")];
    const content = decodeMessage({
      tool_calls: calls,
      function_call: { name: "run", arguments: "{}" },
    }).content;
    const own = expect.stringMatching(/^toolu_01\w{22}$/);
    expect(content).toEqual([use(own, {}), use("c1", {}), use(own, {}), use(own, {})]);
  });
});

describe("the reason to stop", () => {
  const calls = { tool_calls: [call("c1", "run", "{}")] };
  test.each<readonly [choice: object, message: object, expected: string]>([
    [{ finish_reason: "stop" }, {}, "end_turn"],
    [{ finish_reason: null }, {}, "end_turn"],
    [{ finish_reason: "" }, {}, "end_turn"],
    [{ finish_reason: "eos" }, {}, "end_turn"],
    [{ finish_reason: "length" }, {}, "max_tokens"],
    [{ finish_reason: "length" }, calls, "max_tokens"],
    [{ finish_reason: "content_filter" }, {}, "refusal"],
    [{ finish_reason: "tool_calls" }, calls, "tool_use"],
    [{ finish_reason: "tool_calls" }, {}, "end_turn"],
    [{ finish_reason: "function_call" }, calls, "tool_use"],
    [{ finish_reason: "function_call" }, {}, "end_turn"],
    [{ finish_reason: "stop" }, calls, "tool_use"],
    [{ finish_reason: undefined }, calls, "tool_use"],
    [{ finish_reason: "stop", stop_reason: "END" }, {}, "stop_sequence END"],
    [{ finish_reason: "stop", matched_stop: "END" }, {}, "stop_sequence END"],
    [{ finish_reason: "stop", stop_reason: "other" }, {}, "end_turn"],
    [{ finish_reason: "stop", matched_stop: 151645 }, {}, "end_turn"],
  ])("%j with %j is %s", (choice, message, expected) => {
    const { stop_reason, stop_sequence } = decodeMessage(message, choice, { stop_sequences: ["END"] });
    expect(stop_sequence === null ? stop_reason : `${stop_reason} ${stop_sequence}`).toBe(expected);
  });
});

describe("usage that an endpoint does not tell", () => {
  const choices = [{ message: { content: "ümlauts!" }, finish_reason: "stop" }];
  test.each([
    [undefined, 2, 2],
    [{}, 2, 2],
    [{ prompt_tokens: 40, completion_tokens: 0 }, 40, 2],
    [{ completion_tokens: 9 }, 2, 9],
  ])("%j is estimated", (usage, input_tokens, output_tokens) => {
    const request = { messages: [{ role: "user", content: "Hello world" }] };
    expect(decode({ choices, usage }, request).usage).toMatchObject({ input_tokens, output_tokens });
  });

  test("is nothing for an answer of nothing", () => {
    expect(decodeMessage({ content: "" }).usage).toMatchObject({ output_tokens: 0 });
  });
});

test("where the endpoint does not say what the model is called, it is what was asked for", () => {
  expect(decode({ choices: [{ message: { content: "Hi" } }] }).model).toBe("asked-model");
});

test.each([
  ["Hello", "no JSON object"],
  ["[]", "no JSON object"],
  ["{}", "no choices"],
  ['{"choices":null}', "no choices"],
  ['{"choices":[]}', "no choices"],
  ['{"choices":[{}]}', "no message"],
  ['{"choices":[{"message":"Hi"}]}', "no message"],
  ['{"error":{"message":"out of memory"}}', "it reports an error: out of memory"],
  ['{"error":"out of memory"}', "it reports an error: out of memory"],
])("%s is no answer", (body, words) => {
  expect(() => decode(body)).toThrow(OllaError);
  expect(() => decode(body)).toThrow(words);
});

describe("a refusal", () => {
  function refuse(status: number, body: string): { status: number; type: unknown; message: unknown } {
    const refusal = translate(minimal).renderRefusal(readRefusal(toBytes(body), status));
    expect(refusal.contentType).toBe("application/json");
    const told = JSON.parse(toText(refusal.body));
    expect(told).toMatchObject({ type: "error", request_id: "req-1" });
    return { status: refusal.status, ...told.error };
  }

  test.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [408, "timeout_error"],
    [413, "request_too_large"],
    [422, "invalid_request_error"],
    [429, "rate_limit_error"],
    [504, "timeout_error"],
    [529, "overloaded_error"],
    [418, "api_error"],
    [500, "api_error"],
    [502, "api_error"],
    [503, "api_error"],
  ])("%i is an %s", (status, type) => {
    expect(refuse(status, '{"error":{"message":"words"}}')).toEqual({ status, type, message: "words" });
  });

  test.each([
    ['{"error":{"message":"words","type":"x","code":null}}', "words"],
    ['{"error":"words"}', "words"],
    ['{"message":"words"}', "words"],
    ['{"detail":"words"}', "words"],
    ['{"object":"error","message":"words","code":400}', "words"],
    ['{"detail":[{"loc":["body"],"msg":"field required"}]}', '[{"loc":["body"],"msg":"field required"}]'],
    ["slow down", "slow down"],
    ["<html>Bad Gateway</html>", "The endpoint answered 500"],
    ["", "The endpoint answered 500"],
    ["{}", "The endpoint answered 500"],
  ])("%s says: %s", (body, message) => {
    expect(refuse(500, body).message).toBe(message);
  });

  test("of a prompt that is too long is one that agents understand", () => {
    const message =
      "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it";
    const told = refuse(500, JSON.stringify({ error: { message, code: 500 } }));
    expect(told).toMatchObject({ status: 400, type: "invalid_request_error" });
    expect(told.message).toStartWith("prompt is too long: 9000 tokens > 4096 maximum");
    expect(told.message).toContain(message);
  });
});
