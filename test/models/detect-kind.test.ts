import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { detectKind } from "../../src/models/detect-kind.ts";
import { discoveryHeaders, ModelFetchError } from "../../src/models/fetch-model-list.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { type ListServer, notFound, profiles, serveLists, webPage } from "./discovery-fixture.ts";
import { readWireBody } from "./wire-fixture.ts";

const servers: ListServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

function detectAt(answers: Readonly<Record<string, () => Response>>, basePath = "") {
  const server = serveLists((path) => answers[path]?.() ?? notFound());
  servers.push(server);
  return detect(`${server.url}${basePath}`);
}

function detect(url: string) {
  return detectKind(url, {
    profiles: profiles.all,
    headers: discoveryHeaders("1", []),
    timeoutMs: 2000,
    clock: systemClock,
  });
}

describe("detectKind", () => {
  const recorded: readonly [kind: string, answers: Readonly<Record<string, string>>][] = [
    [
      "ollama",
      { "/api/tags": "ollama-0.32.15/get-api-tags.http", "/v1/models": "ollama-0.32.15/get-v1-models.http" },
    ],
    // llama.cpp answers Ollama's path with the same body.
    [
      "openai-compatible",
      {
        "/api/tags": "llama-server-b10488/get-v1-models.http",
        "/v1/models": "llama-server-b10488/get-v1-models.http",
      },
    ],
    ["openai-compatible", { "/v1/models": "llama-server-b10488-router/get-v1-models.http" }],
    ["openai-compatible", { "/v1/models": "llama-cpp-python-0.3.36/get-v1-models.http" }],
    ["vllm", { "/v1/models": "vllm-handmade/get-v1-models.http" }],
    ["lm-studio", { "/api/v0/models": "lm-studio-handmade/get-api-v0-models.http" }],
  ];
  for (const [kind, answers] of recorded) {
    test(`${Object.values(answers)[0]} is ${kind}`, async () => {
      const bodies = await Promise.all(
        Object.entries(answers).map(async ([path, file]) => [path, await readWireBody(file)] as const),
      );
      const found = await detectAt(
        Object.fromEntries(bodies.map(([path, body]) => [path, () => new Response(body)])),
      );
      expect(found?.profile.name).toBe(kind);
      expect(found?.models.length).toBeGreaterThan(0);
    });
  }

  test("an OpenAI-like server that answers every path with its list is not Ollama or LM Studio", async () => {
    const body = { object: "list", data: [{ id: "gpt-x", object: "model", owned_by: "someone" }] };
    const server = serveLists(() => Response.json(body));
    servers.push(server);
    expect((await detect(server.url))?.profile.name).toBe("openai-compatible");
  });

  test("an OpenAI-like server without models is openai-compatible", async () => {
    const found = await detectAt({ "/v1/models": () => Response.json({ object: "list", data: [] }) });
    expect(found?.profile.name).toBe("openai-compatible");
    expect(found?.models).toEqual([]);
  });

  test("an Ollama without models is Ollama", async () => {
    const found = await detectAt({
      "/api/tags": () => Response.json({ models: [] }),
      "/v1/models": () => Response.json({ object: "list", data: null }),
    });
    expect(found?.profile.name).toBe("ollama");
  });

  test("a path in front of the API is kept", async () => {
    const found = await detectAt(
      { "/llm/api/tags": () => Response.json({ models: [{ name: "a" }] }) },
      "/llm",
    );
    expect(found?.profile.name).toBe("ollama");
  });

  test("something else is nothing: web pages, 404, other JSON, lists of other things", async () => {
    const others = [webPage, notFound, () => Response.json({ hello: 1 }), () => Response.json([1, 2])];
    others.push(() => Response.json({ data: [1, "two", { name: "three" }], models: [{ title: "four" }] }));
    for (const answer of others) {
      const server = serveLists(answer);
      servers.push(server);
      expect(await detect(server.url)).toBeUndefined();
    }
  });

  test("an error that hides what is there is reported as it is", async () => {
    const server = serveLists(() => new Response("", { status: 401 }));
    servers.push(server);
    expect(await faultOf(detect(server.url))).toBe("client-status");
    expect(await faultOf(detect(`http://127.0.0.1:${findDeadPort()}`))).toBe("unreachable");
  });
});

async function faultOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof ModelFetchError ? error.fault : "other";
  }
}
