import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AffinityKey, AffinitySettings } from "../balancer/affinity-key.ts";
import type { StickyRequest } from "../balancer/sticky.ts";
import { createAffinityFinder, findResponseId, stickyHeaders } from "./affinity.ts";
import { inspect } from "./inspect.ts";

type Json = Readonly<Record<string, unknown>>;

const chatPath = "/v1/chat/completions";

interface Asked {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly settings?: Partial<AffinitySettings>;
}

function keyOf(
  body: Json | string,
  { path = chatPath, headers, settings }: Asked = {},
): AffinityKey | undefined {
  const find = createAffinityFinder({
    sources: ["session_header", "prefix_hash", "auth_header"],
    prefixHashBytes: 512,
    ...settings,
  });
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request = new Request("http://olla.test/", { headers: headers ?? {} });
  return find(
    { request, clientAddress: "127.0.0.1", upstreamPath: path },
    inspect(new TextEncoder().encode(text), true),
  );
}

function user(content: unknown): Json {
  return { role: "user", content };
}

function assistant(content: unknown): Json {
  return { role: "assistant", content };
}

const system = { role: "system", content: "You are brief." };
const turns: readonly Json[] = [
  user("Hello"),
  assistant("Hi!"),
  user("How are you?"),
  assistant("Fine"),
  user("Good"),
];

/** The bodies of a conversation's turns one to three. */
function threeTurns(makeBody: (messages: readonly Json[]) => Json): readonly Json[] {
  return [1, 3, 5].map((count) => makeBody(turns.slice(0, count)));
}

interface Conversation {
  readonly name: string;
  readonly path: string;
  readonly bodies: readonly Json[];
  /** The same with another system text, and with another first question. */
  readonly others: readonly Json[];
}

const conversations: readonly Conversation[] = [
  {
    name: "OpenAI chat",
    path: chatPath,
    bodies: threeTurns((messages) => ({ model: "m", messages: [system, ...messages] })),
    others: [
      { model: "m", messages: [{ ...system, content: "You are verbose." }, user("Hello")] },
      { model: "m", messages: [system, user("Good day")] },
      { model: "m", messages: [user("Hello")] },
    ],
  },
  {
    name: "Anthropic with a system text",
    path: "/v1/messages",
    bodies: threeTurns((messages) => ({ model: "m", system: "You are brief.", max_tokens: 9, messages })),
    others: [
      { model: "m", system: "You are verbose.", messages: [user("Hello")] },
      { model: "m", system: "You are brief.", messages: [user("Good day")] },
    ],
  },
  {
    name: "Anthropic with system blocks",
    path: "/v1/messages",
    bodies: threeTurns((messages) => ({
      model: "m",
      messages,
      system: [
        { type: "text", text: "You are brief." },
        { type: "text", text: "Very.", cache_control: { type: "ephemeral" } },
      ],
    })),
    others: [
      { model: "m", system: [{ type: "text", text: "You are brief." }], messages: [user("Hello")] },
      { model: "m", system: "You are brief.Very.", messages: [user("Hello")] },
    ],
  },
  {
    name: "Responses with a list",
    path: "/v1/responses",
    bodies: threeTurns((messages) => ({ model: "m", instructions: "You are brief.", input: messages })),
    others: [
      { model: "m", instructions: "You are verbose.", input: [user("Hello")] },
      { model: "m", instructions: "You are brief.", input: [user("Good day")] },
    ],
  },
  {
    name: "Ollama chat",
    path: "/api/chat",
    bodies: threeTurns((messages) => ({ model: "m", stream: false, messages: [system, ...messages] })),
    others: [{ model: "m", messages: [system, user("Good day")] }],
  },
];

describe.each(conversations)("$name", ({ path, bodies, others }) => {
  test("has one key on every turn", () => {
    const keys = bodies.map((body) => keyOf(body, { path }));
    expect(keys[0]?.source).toBe("prefix_hash");
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[2]).toEqual(keys[0]);
  });

  test("has another key with other words at its beginning", () => {
    const keys = [bodies[0] ?? {}, ...others].map((body) => keyOf(body, { path })?.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("has the same key wherever its members stand, in a body of any size", () => {
    for (const body of bodies) {
      const reordered = {
        tools: [{ type: "function", function: { name: "messages", description: "x".repeat(200_000) } }],
        ...Object.fromEntries(Object.entries(body).toReversed()),
        temperature: 0.2,
        stream_options: { include_usage: true },
      };
      expect(keyOf(reordered, { path })).toEqual(keyOf(body, { path }));
      expect(keyOf(JSON.stringify(reordered, null, 2), { path })).toEqual(keyOf(body, { path }));
    }
  });
});

describe("the prefix", () => {
  test("has the model in front, in lower case, with underscores for colons", () => {
    const key = keyOf({ model: "Llama3:8b", messages: [user("Hello")] });
    expect(key?.key).toMatch(/^llama3_8b:[0-9a-f]{16}$/);
    expect(keyOf({ model: "other", messages: [user("Hello")] })?.key).toMatch(/^other:/);
  });

  test("is the same for a text and for a list of one text, marked for the cache or not", () => {
    const plain = keyOf({ model: "m", system: "Brief.", messages: [user("Hello")] });
    const marked = keyOf({
      model: "m",
      system: [{ type: "text", text: "Brief.", cache_control: { type: "ephemeral" } }],
      messages: [user([{ cache_control: { type: "ephemeral" }, type: "text", text: "Hello" }])],
    });
    expect(marked).toEqual(plain);
    const input = keyOf({ model: "m", instructions: "Brief.", input: "Hello" }, { path: "/v1/responses" });
    expect(input).toEqual(plain);
  });

  test("does not depend on the order of a message's members", () => {
    expect(keyOf({ model: "m", messages: [{ content: "Hello", name: "me", role: "user" }] })).toEqual(
      keyOf({ model: "m", messages: [user("Hello")] }),
    );
  });

  test("tells roles, parts and messages apart", () => {
    const bodies = [
      [user("ab")],
      [assistant("ab"), user("")],
      [assistant("a"), user("b")],
      [
        user([
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ]),
      ],
      [{ role: "developer", content: "ab" }],
    ];
    const keys = bodies.map((messages) => keyOf({ model: "m", messages })?.key);
    expect(new Set(keys).size).toBe(bodies.length);
  });

  test("goes through everything while the user has not spoken", () => {
    const first = keyOf({ model: "m", messages: [system, assistant("Welcome")] });
    expect(first?.source).toBe("prefix_hash");
    expect(keyOf({ model: "m", messages: [system, assistant("Be welcome")] })).not.toEqual(first);
  });

  test("tells images of the same size and format apart, and stays the same on later turns", () => {
    const image = (middle: string) => ({
      type: "image_url",
      image_url: { url: `data:image/png;base64,${"A".repeat(5_000)}${middle}AAAA` },
    });
    const ask = (middle: string, ...later: Json[]) =>
      keyOf({ model: "m", messages: [user([image(middle), { type: "text", text: "What?" }]), ...later] });
    expect(ask("x")).not.toEqual(ask("y"));
    expect(ask("x", assistant("A cat"), user("Sure?"))).toEqual(ask("x"));
    const ollama = (data: string) => keyOf({ model: "m", messages: [{ ...user("What?"), images: [data] }] });
    expect(ollama("AAAA")).not.toEqual(ollama("AAAB"));
  });

  test("is cut at the configured length, which 0 lifts", () => {
    const long = "x".repeat(1_000);
    const ask = (end: string, prefixHashBytes: number) =>
      keyOf({ model: "m", messages: [user(long + end)] }, { settings: { prefixHashBytes } });
    expect(ask("a", 512)).toEqual(ask("b", 512));
    expect(ask("a", 2_000)).not.toEqual(ask("b", 2_000));
    expect(ask("a", 0)).not.toEqual(ask("b", 0));
    expect(ask("a", 512)).not.toEqual(ask("a", 513));
  });

  test("counts system text in the length, so that a long one is shared by all who use it", () => {
    const shared = { role: "system", content: "x".repeat(600) };
    expect(keyOf({ model: "m", messages: [shared, user("a")] })).toEqual(
      keyOf({ model: "m", messages: [shared, user("b")] }),
    );
  });
});

describe("a prompt", () => {
  test("is the conversation where there are no messages", () => {
    const plain = keyOf({ model: "m", prompt: "why is the sky blue?" });
    expect(plain?.source).toBe("prefix_hash");
    for (const messages of [[], null])
      expect(keyOf({ model: "m", messages, prompt: "why is the sky blue?" })).toEqual(plain);
    expect(keyOf({ model: "m", prompt: "why is the sky red?" })).not.toEqual(plain);
    expect(keyOf({ model: "m", prompt: "why is the sky blue?", system: "Brief." })).not.toEqual(plain);
  });

  test("may be a list of texts or of tokens", () => {
    const keys = [["a", "b"], ["ab"], [1, 23], [12, 3]].map((prompt) => keyOf({ model: "m", prompt })?.key);
    expect(new Set(keys).size).toBe(4);
  });

  test("that grows past the configured length keeps its key", () => {
    const start = "Once upon a time. ".repeat(40);
    expect(keyOf({ model: "m", prompt: start })).toEqual(keyOf({ model: "m", prompt: `${start}And then` }));
  });
});

describe("nothing to pin by", () => {
  test.each([
    '{"model":"m"}',
    '{"model":"m","messages":[]}',
    '{"model":"m","messages":null,"prompt":null}',
    '{"model":"m","messages":[ ],"prompt":""}',
    '{"model":"m","system":"Brief."}',
    "[1,2]",
    "model=m",
    "",
  ])("in %p", (body) => {
    expect(keyOf(body)).toBeUndefined();
  });

  test("texts to embed are no conversation", () => {
    const body = { model: "m", input: "a text" };
    expect(keyOf(body, { path: "/v1/embeddings" })).toBeUndefined();
    expect(keyOf(body, { path: "/v1/responses" })?.source).toBe("prefix_hash");
  });

  test("without a body the headers still count", () => {
    const find = createAffinityFinder({
      sources: ["session_header", "prefix_hash", "ip"],
      prefixHashBytes: 512,
    });
    const request = new Request("http://olla.test/");
    const ask = { request, clientAddress: "10.1.2.3", upstreamPath: "/v1/models" };
    expect(find(ask, inspect(undefined, true))).toEqual({ key: "ip:10.1.2.3:", source: "ip" });
  });

  test("a body that was not scanned for it gives no key", () => {
    const find = createAffinityFinder({ sources: ["prefix_hash"], prefixHashBytes: 512 });
    const body = new TextEncoder().encode(JSON.stringify({ model: "m", messages: [user("Hello")] }));
    const request = new Request("http://olla.test/");
    const ask = { request, clientAddress: "10.1.2.3", upstreamPath: chatPath };
    expect(find(ask, inspect(body))).toBeUndefined();
  });
});

describe("names of the client's own in the body", () => {
  const conversation = { model: "m", messages: [user("Hello")] };

  test.each([
    [{ prompt_cache_key: "abc" }, "prompt_cache_key"],
    [{ previous_response_id: "resp_1" }, "previous_response_id"],
    [{ metadata: { tag: 1, user_id: "user_1_session_2" } }, "metadata_user_id"],
  ] as const)("%p", (member, source) => {
    const found = keyOf({ ...conversation, ...member });
    expect(found?.source).toBe(source);
    expect(keyOf({ ...member, model: "M", messages: [user("Something else")] })).toEqual(found);
  });

  test.each([
    { prompt_cache_key: "" },
    { prompt_cache_key: 5 },
    { prompt_cache_key: null },
    { previous_response_id: null },
    { metadata: null },
    { metadata: {} },
    { metadata: { user_id: null } },
    { metadata: [["user_id"]] },
    { metadata: { nested: { user_id: "abc" } } },
  ])("%p is none", (member) => {
    expect(keyOf({ ...conversation, ...member })).toEqual(keyOf(conversation));
  });

  test("of repeated members the last counts", () => {
    expect(keyOf('{"model":"m","prompt_cache_key":"a","prompt_cache_key":"b"}')).toEqual(
      keyOf('{"model":"m","prompt_cache_key":"b"}'),
    );
    expect(keyOf('{"model":"m","prompt_cache_key":"a","prompt_cache_key":null}')).toBeUndefined();
  });
});

test("any later turn of any conversation has the key of its first, at any length", () => {
  const content = fc.oneof(
    fc.string(),
    fc.array(fc.record({ type: fc.constant("text"), text: fc.string() }), { minLength: 1, maxLength: 3 }),
  );
  const before = fc.array(fc.record({ role: fc.constantFrom("system", "assistant", "developer"), content }), {
    maxLength: 3,
  });
  const after = fc.array(fc.record({ role: fc.constantFrom("user", "assistant", "tool"), content }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      before,
      content,
      after,
      fc.integer({ min: 0, max: 600 }),
      (opening, question, later, length) => {
        const settings = { prefixHashBytes: length };
        const first = [...opening, user(question)];
        expect(keyOf({ model: "m", messages: [...first, ...later] }, { settings })).toEqual(
          keyOf({ model: "m", messages: first }, { settings }),
        );
      },
    ),
  );
});

test("no bytes make it fail", () => {
  const body = JSON.stringify({
    model: "m",
    system: [{ type: "text", text: "a" }],
    messages: [system, user("b")],
    metadata: { user_id: "c" },
  });
  for (let cut = 0; cut < body.length; cut++) expect(() => keyOf(body.slice(0, cut))).not.toThrow();
  for (const messages of [
    "[{]",
    "[{,}]",
    '[{"role"}]',
    '[[[["a"]]]]',
    '[{"role":"user","content":[{"text"}]}]',
    "[1,,2]",
    "{}",
    "7",
    '"x"',
  ]) {
    expect(() => keyOf(`{"model":"m","messages":${messages}}`)).not.toThrow();
  }
});

describe("response headers", () => {
  const request = (changes: Partial<StickyRequest>): StickyRequest => ({
    key: undefined,
    outcome: "disabled",
    choose: (candidates) => candidates[0],
    commit() {},
    release() {},
    ...changes,
  });

  test("are none while sessions are not sticky, and none before an endpoint was chosen", () => {
    expect(stickyHeaders(undefined)).toEqual([]);
    expect(stickyHeaders(request({ outcome: undefined }))).toEqual([]);
  });

  test("say that nothing identified the conversation", () => {
    expect(stickyHeaders(request({}))).toEqual([["X-Olla-Sticky-Session", "disabled"]]);
  });

  test("name the source", () => {
    const key = { key: "auth:1:m", source: "auth_header" } as const;
    expect(stickyHeaders(request({ key, outcome: "miss" }))).toEqual([
      ["X-Olla-Sticky-Session", "miss"],
      ["X-Olla-Sticky-Key-Source", "auth_header"],
    ]);
  });

  test("give a session's own id back", () => {
    const key = { key: "1:m", source: "session_header", sessionId: "conv-abc123" } as const;
    expect(stickyHeaders(request({ key, outcome: "hit" }))).toEqual([
      ["X-Olla-Sticky-Session", "hit"],
      ["X-Olla-Sticky-Key-Source", "session_header"],
      ["X-Olla-Session-ID", "conv-abc123"],
    ]);
  });
});

describe("the id of an answer that can be referred to", () => {
  test.each([
    ['{"id":"resp_67c","object":"response"}', "resp_67c"],
    ['{ "object": "response", "id" : "resp_a-b_C" }', "resp_a-b_C"],
    [
      'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","output":[]}}\n\n',
      "resp_1",
    ],
    ['data: {"response":{"id":"resp_1","previous_response_id":"resp_0"}}\n\n', "resp_1"],
    ['{"previous_response_id":"resp_0","id":"resp_1"}', "resp_1"],
    ['{"id":"chatcmpl-1"}', undefined],
    ['{"id":"resp_', undefined],
    ["", undefined],
  ])("in %p is %p", (text, id) => {
    expect(findResponseId(new TextEncoder().encode(text))).toBe(id);
  });

  test("is not searched for in all of a long answer", () => {
    expect(findResponseId(new TextEncoder().encode(`${" ".repeat(20_000)}"id":"resp_1"`))).toBeUndefined();
  });
});
