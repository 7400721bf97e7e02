// What becomes of the messages of a Messages request: anthropic.md §5.3, row by row.
import { describe, expect, test } from "bun:test";
import { ask, hello } from "./support/ask-anthropic.ts";

/** What the messages become; a list stands for one user message of these blocks. */
function askMessages(...messages: readonly unknown[]): unknown {
  return ask({
    messages: messages.map((each) => (Array.isArray(each) ? { role: "user", content: each } : each)),
  }).messages;
}

describe("messages", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBOR" } };
  const imagePart = { type: "image_url", image_url: { url: "data:image/png;base64,iVBOR" } };
  const text = (said: string) => ({ type: "text", text: said });
  const use = { type: "tool_use", id: "t1", name: "run", input: { command: "ls" } };
  const call = { id: "t1", type: "function", function: { name: "run", arguments: '{"command":"ls"}' } };
  const result = (content: unknown, more: object = {}) => ({
    type: "tool_result",
    tool_use_id: "t1",
    content,
    ...more,
  });
  const tool = (content: string) => ({ role: "tool", tool_call_id: "t1", content });

  test.each<readonly [what: string, messages: readonly unknown[], expected: readonly unknown[]]>([
    ["text blocks are joined", [[text("a"), text("b")]], [{ role: "user", content: "ab" }]],
    ["one block may stand alone", [{ role: "user", content: text("a") }], [{ role: "user", content: "a" }]],
    ["an empty message is dropped", [...hello, { role: "user", content: "" }], hello],
    [
      "an unknown role is the user's",
      [{ role: "human", content: [text("a")] }],
      [{ role: "user", content: "a" }],
    ],
    ["unknown blocks are dropped", [[text("a"), { type: "mystery" }]], [{ role: "user", content: "a" }]],
    [
      "an image of data",
      [[text("see"), image, text("!")]],
      [{ role: "user", content: [text("see"), imagePart, text("!")] }],
    ],
    [
      "an image elsewhere",
      [[{ type: "image", source: { type: "url", url: "http://x/y.png" } }]],
      [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://x/y.png" } }] }],
    ],
    [
      "a document of text",
      [
        [
          {
            type: "document",
            title: "a.txt",
            source: { type: "text", media_type: "text/plain", data: "abc" },
          },
        ],
      ],
      [{ role: "user", content: [text("a.txt:\nabc")] }],
    ],
    [
      "a document of data",
      [[{ type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBE" } }]],
      [
        {
          role: "user",
          content: [
            { type: "file", file: { filename: "document", file_data: "data:application/pdf;base64,JVBE" } },
          ],
        },
      ],
    ],
    [
      "results come before what the user says",
      [[text("and?"), result("1"), result("2")]],
      [tool("1"), tool("2"), { role: "user", content: "and?" }],
    ],
    [
      "a result without content",
      [[result(undefined), result(null), result(""), result([])]],
      [tool(""), tool(""), tool(""), tool("")],
    ],
    ["a result of texts", [[result([text("a"), text("b")])]], [tool("a\nb")]],
    ["a result of an empty text", [[result([text("")])]], [tool("")]],
    [
      "a result of anything else",
      [[result({ a: 1 }), result([text("a"), { type: "tool_reference", tool_name: "x" }, "b", 7])]],
      [tool('{"a":1}'), tool('a\n{"type":"tool_reference","tool_name":"x"}\nb\n7')],
    ],
    ["a failed result", [[result("boom", { is_error: true })]], [tool("Error: boom")]],
    [
      "a failed result that says so",
      [[result("Error: x", { is_error: true }), result("ERROR", { is_error: true })]],
      [tool("Error: x"), tool("ERROR")],
    ],
    [
      "a document in a result",
      [[result([{ type: "document", source: { type: "text", data: "abc" } }])]],
      [tool("abc")],
    ],
    [
      "an image in a result is shown by the user, behind all results",
      [[result([text("shot"), image]), result("2"), text("and?")]],
      [tool("shot"), tool("2"), { role: "user", content: [imagePart, text("and?")] }],
    ],
    [
      "an image in a result, and then nothing",
      [[result([image])], { role: "assistant", content: "ok" }],
      [
        tool("The image follows."),
        { role: "user", content: [imagePart] },
        { role: "assistant", content: "ok" },
      ],
    ],
    [
      "an assistant's texts",
      [{ role: "assistant", content: [text("a"), text("b")] }],
      [{ role: "assistant", content: "ab" }],
    ],
    [
      "a call",
      [{ role: "assistant", content: [text("a"), use] }],
      [{ role: "assistant", content: "a", tool_calls: [call] }],
    ],
    [
      "calls without text",
      [{ role: "assistant", content: [use] }],
      [{ role: "assistant", content: null, tool_calls: [call] }],
    ],
    [
      "a call without input",
      [{ role: "assistant", content: [{ ...use, input: undefined }] }],
      [
        {
          role: "assistant",
          content: null,
          tool_calls: [{ ...call, function: { name: "run", arguments: "{}" } }],
        },
      ],
    ],
    [
      "a call without id or name",
      [
        ...hello,
        {
          role: "assistant",
          content: [
            { ...use, id: "" },
            { ...use, name: undefined },
          ],
        },
      ],
      hello,
    ],
    [
      "a thought alone is no turn",
      [...hello, { role: "assistant", content: [{ type: "thinking", thinking: "hm" }] }],
      hello,
    ],
    [
      "a hidden thought",
      [...hello, { role: "assistant", content: [{ type: "redacted_thinking", data: "x" }] }],
      hello,
    ],
    [
      "instructions behind the first message come before it",
      [...hello, { role: "system", content: "Hurry." }],
      [{ role: "system", content: "Hurry." }, ...hello],
    ],
  ])("%s", (_, messages, expected) => {
    expect(askMessages(...messages)).toEqual(expected);
  });

  const thought = [
    { role: "assistant", content: [{ type: "thinking", thinking: "hm", signature: "s" }, text("a")] },
  ];
  test.each([
    ["vllm", { reasoning: "hm", reasoning_content: "hm" }],
    ["sglang", { reasoning_content: "hm" }],
    ["llamacpp", { reasoning_content: "hm" }],
    ["ollama", { reasoning: "hm" }],
    ["openai-compatible", {}],
  ])("%s gets back what was thought, if it knows how", (kind, members) => {
    expect(ask({ messages: thought }, kind).messages).toEqual([
      { role: "assistant", ...members, content: "a" },
    ]);
  });

  test("instructions before the first message become one, with the system's", () => {
    const messages = [{ role: "system", content: "Two." }, ...hello];
    expect(ask({ system: "One.", messages }).messages).toEqual([
      { role: "system", content: "One.\n\nTwo." },
      ...hello,
    ]);
  });
});
