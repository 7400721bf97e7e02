import { describe, expect, test } from "bun:test";
import { loadedTools } from "./deferred-tools.ts";

const read = { name: "Read", input_schema: { type: "object" } };
const fetch = { name: "WebFetch", input_schema: { type: "object" }, defer_loading: true };
const search = { name: "WebSearch", input_schema: { type: "object" }, defer_loading: true };
const placeholder = { name: "DeferredToolPlaceholder", input_schema: {}, defer_loading: true };

const referring = (...names: string[]) => ({
  role: "user",
  content: [
    { type: "text", text: "WebSearch" },
    {
      type: "tool_result",
      tool_use_id: "1",
      content: names.map((tool_name) => ({ type: "tool_reference", tool_name })),
    },
  ],
});

describe("tools that wait to be loaded", () => {
  test("are not there until a result names them", () => {
    const tools = [read, fetch, search];
    expect(loadedTools(tools, [{ role: "user", content: "WebFetch?" }])).toEqual([read]);
    expect(loadedTools(tools, [referring("WebFetch")])).toEqual([read, fetch]);
    expect(loadedTools(tools, [referring("WebFetch"), referring("WebSearch")])).toEqual(tools);
    expect(loadedTools(tools, [{ role: "user", content: [{ type: "tool_result", content: "x" }] }])).toEqual([
      read,
    ]);
  });

  test("all others are, whatever they look like", () => {
    const tools = [read, { ...fetch, defer_loading: false }, 5, { type: "web_search_20250305" }];
    expect(loadedTools(tools, undefined)).toEqual(tools);
    expect(loadedTools([...tools, search], undefined)).toEqual(tools);
  });

  test("the one that stands for them is never there, named or not", () => {
    expect(loadedTools([read, placeholder], [referring("DeferredToolPlaceholder")])).toEqual([read]);
  });

  test("are all there where only a search on Anthropic's servers could name them", () => {
    const own = { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" };
    expect(loadedTools([own, read, fetch, placeholder], [])).toEqual([own, read, fetch]);
  });
});
