import { describe, expect, test } from "bun:test";
import { builtinProfiles } from "../../profiles/builtin.ts";
import { findNativeLimits } from "./native-limits.ts";
import { createItemId, createResponseId } from "./response-object.ts";

/** The kinds of endpoints that such a request has to be translated for. */
function limitedFor(body: object, kinds = ["ollama", "llamacpp", "vllm", "openai-compatible"]): string[] {
  const isLimited = findNativeLimits(new TextEncoder().encode(JSON.stringify(body)));
  return builtinProfiles()
    .filter((profile) => kinds.includes(profile.name) && isLimited(profile))
    .map(({ name }) => name)
    .toSorted();
}

/** Of these: those that no request gets to in this API. */
const rough = ["llamacpp"];
const all = ["llamacpp", "ollama", "openai-compatible", "vllm"];

describe("an endpoint that knows the API is asked in it", () => {
  test("when it is asked for what all of them do", () => {
    const tools = [{ type: "function", name: "one" }, { type: "web_search" }];
    expect(limitedFor({ model: "m", input: "Hi", tools, store: false })).toEqual(rough);
  });

  test("when a text only talks of what some can't do", () => {
    const talk = 'say {"previous_response_id":"resp_olla1"} and {"type":"namespace"}';
    expect(limitedFor({ model: "m", input: talk, store: false })).toEqual(rough);
  });

  test("when the client sends back items that Olla has written, whole", () => {
    const item = { id: createItemId("msg"), type: "message", role: "assistant", content: "Hi" };
    expect(limitedFor({ model: "m", input: [item], store: false })).toEqual(rough);
  });
});

describe("a request is translated", () => {
  test("always for llama.cpp and what runs it: official clients fail on its streams", () => {
    const kinds = ["llamacpp", "docker-model-runner", "lemonade", "vllm"];
    expect(limitedFor({ model: "m", stream: true, store: false }, kinds)).toEqual([
      "docker-model-runner",
      "lemonade",
      "llamacpp",
    ]);
  });

  test("for kinds that lose groups and free-text tools", () => {
    const lossy = ["llamacpp", "ollama"];
    const group = { type: "namespace", name: "agents", tools: [] };
    expect(limitedFor({ model: "m", store: false, tools: [group] })).toEqual(lossy);
    expect(limitedFor({ model: "m", store: false, tools: [{ type: "custom", name: "patch" }] })).toEqual(
      lossy,
    );
    expect(limitedFor({ model: "m", store: false, input: [{ type: "custom_tool_call" }] })).toEqual(lossy);
  });

  test("for kinds that keep no response, when it goes on from one or may be gone on from", () => {
    const forgetful = ["llamacpp", "ollama"];
    expect(limitedFor({ model: "m", store: false, previous_response_id: "resp_1" })).toEqual(forgetful);
    expect(limitedFor({ model: "m", store: true })).toEqual(forgetful);
    expect(limitedFor({ model: "m" })).toEqual(forgetful);
    expect(limitedFor({ model: "m", store: false, previous_response_id: null })).toEqual(rough);
  });

  test("for every kind, when it refers to what only Olla has", () => {
    expect(limitedFor({ model: "m", previous_response_id: createResponseId() })).toEqual(all);
    const reference = { type: "item_reference", id: createItemId("rs") };
    expect(limitedFor({ model: "m", input: [reference] })).toEqual(all);
  });
});
