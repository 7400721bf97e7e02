import { describe, expect, test } from "bun:test";
import { sampleEndpoint } from "../../test/endpoints/endpoint-samples.ts";
import { needsOf, preferCapable, type RequestNeeds, type SkillsView } from "./capability.ts";
import { inspect } from "./inspect.ts";
import type { Prospect } from "./prospect.ts";

type Known = "yes" | "no" | "unknown";

function choose(
  known: Readonly<Record<string, Known>>,
  needs: Partial<RequestNeeds>,
  ranks: Readonly<Record<string, number>> = {},
): string {
  const prospects = Object.keys(known).map(
    (name): Prospect => ({
      endpoint: sampleEndpoint({ name }),
      health: { status: "healthy" },
      nativeName: "m",
      rank: ranks[name] ?? 0,
    }),
  );
  const view: SkillsView = {
    traitsAt: (name) => {
      const knowledge = known[name] ?? "unknown";
      return { skills: { vision: knowledge, tools: knowledge, embeddings: knowledge } };
    },
  };
  const chosen = preferCapable(
    prospects,
    { tools: false, embeddings: false, vision: () => false, ...needs },
    view,
  );
  return chosen
    .map(({ endpoint, rank }) => (rank === 0 ? endpoint.name : `${endpoint.name}@${rank}`))
    .join(" ");
}

const image = { vision: () => true };

describe("an image", () => {
  test("goes where it is known to be seen, then where that is not known, and not where it is known not to be", () => {
    expect(choose({ blind: "no", maybe: "unknown", seeing: "yes" }, image)).toBe("maybe@1 seeing");
  });

  test("goes to the step of a chain that can see, the earlier steps after it", () => {
    expect(choose({ first: "unknown", second: "yes" }, image, { second: 1 })).toBe("first@2 second@1");
    expect(choose({ first: "no", second: "yes" }, image, { second: 1 })).toBe("second@1");
  });

  test("goes to a model that cannot see when there is no other: the client has named it", () => {
    expect(choose({ one: "no", two: "no" }, image)).toBe("one two");
    expect(choose({ one: "no" }, image)).toBe("one");
  });

  test("leaves the order alone where nothing is known of anybody", () => {
    expect(choose({ one: "unknown", two: "unknown" }, image, { two: 1 })).toBe("one two@1");
    expect(choose({ one: "unknown", two: "no" }, image)).toBe("one");
  });

  test("is not looked for where it would make no difference", () => {
    const vision = () => {
      throw new Error("looked for");
    };
    expect(choose({ one: "yes", two: "yes" }, { vision })).toBe("one two");
    expect(choose({ one: "no" }, { vision })).toBe("one");
  });
});

describe("tools and embeddings", () => {
  for (const needs of [{ tools: true }, { embeddings: true }]) {
    const [need] = Object.keys(needs);
    test(`${need}: what is not known is as good as a yes`, () => {
      expect(choose({ no: "no", maybe: "unknown", yes: "yes" }, needs)).toBe("maybe yes");
      expect(choose({ one: "no", two: "no" }, needs)).toBe("one two");
    });
  }
});

test("a text request is sent as it would be without any of this", () => {
  expect(choose({ no: "no", maybe: "unknown", yes: "yes" }, {})).toBe("no maybe yes");
});

describe("what a request needs", () => {
  function needsFor(body: string, path = "/v1/chat/completions") {
    return needsOf(inspect(new TextEncoder().encode(body)), path);
  }
  const message = (content: unknown) => JSON.stringify({ model: "m", messages: [{ role: "user", content }] });

  const seen: Readonly<Record<string, string>> = {
    "OpenAI's part": message([{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }]),
    "the Responses API's": JSON.stringify({
      input: [{ content: [{ type: "input_image", image_url: "x" }] }],
    }),
    "Anthropic's": message([{ type: "image", source: {} }]),
    "with a space": '{"messages":[{"content":[{"type": "image"}]}]}',
    "Ollama's list": JSON.stringify({ messages: [{ images: [] }, { images: ["AA"] }] }),
    "Ollama's, with space": '{"images": [\n "AA" ]}',
  };
  for (const [whose, body] of Object.entries(seen)) {
    test(`an image, ${whose}`, () => expect(needsFor(body).vision()).toBe(true));
  }

  const unseen: Readonly<Record<string, string>> = {
    "a text about them": message('write {"type":"image"} or "image_url" or "images":["x"] or "input_image"'),
    "an empty list": '{"images":[],"messages":[{"images": [ ]}]}',
    "a list that breaks off": '{"images":[ ',
    "no JSON": 'model=m&x="image_url"',
  };
  for (const [what, body] of Object.entries(unseen)) {
    test(`no image: ${what}`, () => expect(needsFor(body).vision()).toBe(false));
  }

  test("tools as the body says, embeddings as the path says", () => {
    expect(needsFor('{"tools":[]}')).toMatchObject({ tools: true, embeddings: false });
    for (const path of ["/v1/embeddings", "/api/embed", "/api/embeddings", "/embed"]) {
      expect(needsFor('{"input":"x"}', path)).toMatchObject({ tools: false, embeddings: true });
    }
    expect(needsFor('{"input":"x"}', "/v1/responses").embeddings).toBe(false);
  });

  test("nothing without a body", () => {
    const needs = needsOf(inspect(undefined), "/v1/models");
    expect([needs.tools, needs.embeddings, needs.vision()]).toEqual([false, false, false]);
  });
});
