import { describe, expect, test } from "bun:test";
import { fnv1a64Hex } from "../lib/fnv.ts";
import {
  type AffinityBody,
  type AffinityFacts,
  type AffinityKey,
  type AffinitySettings,
  findAffinityKey,
  isKeySource,
  type KeySource,
  responseKey,
} from "./affinity-key.ts";

const everySource: readonly KeySource[] = ["session_header", "prefix_hash", "auth_header", "ip"];

interface BodyParts {
  readonly [member: string]: string;
}

function body(parts: BodyParts): AffinityBody {
  const bytes = (member: string) => (parts[member] === undefined ? undefined : Buffer.from(parts[member]));
  return {
    identifier: (member) => bytes(member),
    beginning: (maxBytes) => bytes("beginning")?.subarray(0, maxBytes === 0 ? undefined : maxBytes),
  };
}

function keyOf(
  facts: Partial<Omit<AffinityFacts, "headers">> & { readonly headers?: Record<string, string> },
  settings: Partial<AffinitySettings> = {},
): AffinityKey | undefined {
  return findAffinityKey(
    {
      clientAddress: "10.0.0.7",
      model: "llama3:8b",
      body: undefined,
      ...facts,
      headers: new Headers(facts.headers),
    },
    { sources: everySource, prefixHashBytes: 512, ...settings },
  );
}

describe("the hash", () => {
  test.each([
    ["", "cbf29ce484222325"],
    ["conv-abc123", "f89965a5bf11643e"],
    ["Bearer tok", "1365ea15fa7f0c96"],
    ['[{"role":"user","content":"Hello"}]', "ef155665386777fd"],
    ['"why is the sky blue?"', "1fce0d7c0ed2a6ee"],
  ])("of %p is %s", (text, hash) => {
    expect(fnv1a64Hex(text)).toBe(hash);
  });
});

describe("each source", () => {
  test("the session header, and only it, tells the session's own id", () => {
    expect(keyOf({ headers: { "x-olla-session-id": "conv-abc123" } })).toEqual({
      key: "f89965a5bf11643e:llama3:8b",
      source: "session_header",
      sessionId: "conv-abc123",
    });
    expect(keyOf({ headers: { "x-claude-code-session-id": "conv-abc123" } })).not.toHaveProperty("sessionId");
  });

  test("the prefix is hashed, with the model in front", () => {
    const beginning = '[{"role":"user","content":"Hello"}]';
    expect(keyOf({ body: body({ beginning }) })).toEqual({
      key: "llama3_8b:ef155665386777fd",
      source: "prefix_hash",
    });
  });

  test("no more of the prefix is asked for than is configured", () => {
    const found = keyOf({ body: body({ beginning: "conv-abc123 and more" }) }, { prefixHashBytes: 11 });
    expect(found?.key).toBe("llama3_8b:f89965a5bf11643e");
  });

  test("the credentials are hashed whole", () => {
    expect(keyOf({ headers: { authorization: "Bearer tok" } })).toEqual({
      key: "auth:1365ea15fa7f0c96:llama3:8b",
      source: "auth_header",
    });
  });

  test("the address is taken as it is, whatever proxies say", () => {
    const headers = { "x-forwarded-for": "1.2.3.4", "x-real-ip": "1.2.3.4" };
    expect(keyOf({ headers })).toEqual({ key: "ip:10.0.0.7:llama3:8b", source: "ip" });
    expect(keyOf({ headers, clientAddress: "" })).toBeUndefined();
  });

  test.each([
    ["prompt_cache_key", "prompt_cache_key"],
    ["previous_response_id", "previous_response_id"],
    ["metadata.user_id", "metadata_user_id"],
  ] as const)("the body's %s is a name of the conversation", (member, source) => {
    const found = keyOf({ body: body({ [member]: "abc", beginning: "Hello" }) });
    expect(found?.source).toBe(source);
    expect(found).toEqual(keyOf({ body: body({ [member]: "abc", beginning: "Bye" }) }));
    expect(found).not.toEqual(keyOf({ body: body({ [member]: "abd", beginning: "Hello" }) }));
  });

  test("the same text under two names is two conversations", () => {
    const members = ["prompt_cache_key", "previous_response_id", "metadata.user_id"];
    const found = [
      keyOf({ headers: { "x-olla-session-id": "same" } }),
      keyOf({ headers: { "x-claude-code-session-id": "same" } }),
      keyOf({ headers: { authorization: "same" } }),
      ...members.map((member) => keyOf({ body: body({ [member]: "same" }) })),
    ];
    expect(new Set(found.map((each) => each?.key)).size).toBe(6);
  });

  test("of two owners never meets, whatever it is made of", () => {
    const everyWay = [
      { headers: { "x-olla-session-id": "same" } },
      { headers: { "x-claude-code-session-id": "same" } },
      { headers: { authorization: "same" } },
      { body: body({ previous_response_id: "same" }) },
      { body: body({ beginning: "same" }) },
      {},
    ];
    for (const facts of everyWay) {
      const keys = [undefined, "ann", "bob"].map((owner) => keyOf({ ...facts, owner })?.key);
      expect(new Set(keys).size).toBe(3);
    }
    const found = keyOf({ owner: "ann", body: body({ previous_response_id: "resp_1" }) });
    expect(found?.key).toBe(responseKey("resp_1", "llama3:8b", "ann"));
  });

  test("a later request finds an answer by the key under which it was noted", () => {
    const found = keyOf({ model: "LLama3:8B", body: body({ previous_response_id: "resp_1" }) });
    expect(found?.key).toBe(responseKey("resp_1", " llama3:8b"));
  });
});

describe("the order", () => {
  const everything = {
    headers: {
      "x-olla-session-id": "a",
      "x-claude-code-session-id": "b",
      authorization: "Bearer c",
    },
    body: body({
      prompt_cache_key: "d",
      previous_response_id: "e",
      "metadata.user_id": "f",
      beginning: "g",
    }),
  };

  test.each([
    [["session_header", "ip"], "session_header"],
    [["ip", "session_header"], "ip"],
    [["auth_header", "prefix_hash"], "auth_header"],
    [["prefix_hash", "auth_header"], "prefix_hash"],
  ] as const)("of %p decides when all are there", (sources, source) => {
    expect(keyOf(everything, { sources })?.source).toBe(source);
  });

  test("of a client's own names goes from the most deliberate to the least", () => {
    const headers = { ...everything.headers } as Record<string, string>;
    const parts: Record<string, string> = {
      prompt_cache_key: "d",
      previous_response_id: "e",
      "metadata.user_id": "f",
    };
    const source = () => keyOf({ headers, body: body(parts) })?.source;
    expect(source()).toBe("session_header");
    delete headers["x-olla-session-id"];
    expect(source()).toBe("claude_session_header");
    delete headers["x-claude-code-session-id"];
    expect(source()).toBe("prompt_cache_key");
    delete parts.prompt_cache_key;
    expect(source()).toBe("previous_response_id");
    delete parts.previous_response_id;
    expect(source()).toBe("metadata_user_id");
    delete parts["metadata.user_id"];
    expect(source()).toBe("auth_header");
  });

  test("passes over what is empty, down to nothing", () => {
    const headers = { "x-olla-session-id": "  ", "x-claude-code-session-id": "", authorization: "" };
    expect(keyOf({ headers })?.source).toBe("ip");
    expect(keyOf({ headers }, { sources: ["session_header", "prefix_hash", "auth_header"] })).toBeUndefined();
    expect(keyOf(everything, { sources: [] })).toBeUndefined();
  });

  test("leaves out what is not listed: without session_header no name of the client's counts", () => {
    expect(keyOf(everything, { sources: ["ip"] })?.source).toBe("ip");
  });

  test("looks into the body only when its turn comes", () => {
    const untouched: AffinityBody = {
      identifier() {
        throw new Error("asked for an identifier");
      },
      beginning() {
        throw new Error("asked for the beginning");
      },
    };
    const headers = { "x-olla-session-id": "a" };
    expect(keyOf({ headers, body: untouched })?.source).toBe("session_header");
    expect(keyOf({ body: untouched }, { sources: ["ip"] })?.source).toBe("ip");
  });
});

describe("the model", () => {
  test("is part of every key, in lower case", () => {
    const headers = { "x-olla-session-id": "conv-abc123" };
    expect(keyOf({ headers, model: " LLAMA3:8B " })?.key).toBe("f89965a5bf11643e:llama3:8b");
    expect(keyOf({ headers, model: "other" })?.key).toBe("f89965a5bf11643e:other");
  });

  test("may be missing", () => {
    const headers = { "x-olla-session-id": "conv-abc123" };
    expect(keyOf({ headers, model: undefined })?.key).toBe("f89965a5bf11643e:");
    expect(keyOf({ model: undefined, body: body({ beginning: "" }) })?.key).toBe(":cbf29ce484222325");
  });

  test("of absurd length does not make the key long", () => {
    const key = keyOf({ model: "m".repeat(100_000) })?.key ?? "";
    expect(key.length).toBeLessThan(100);
    expect(key).not.toBe(keyOf({ model: "m".repeat(100_001) })?.key ?? "");
  });
});

test("unknown names are no sources", () => {
  expect(everySource.every(isKeySource)).toBe(true);
  expect(isKeySource("cookie")).toBe(false);
});
