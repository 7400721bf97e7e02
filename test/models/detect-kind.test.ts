import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { detectKind } from "../../src/models/detect-kind.ts";
import { discoveryHeaders, ModelFetchError } from "../../src/models/fetch-model-list.ts";
import { parseProfile } from "../../src/profiles/load.ts";
import type { Profile } from "../../src/profiles/profile.ts";
import { backends } from "../profiles/backend-answers.ts";
import { findDeadPort } from "../support/dead-port.ts";
import {
  type ListServer,
  notFound,
  profileNamed,
  profiles,
  serveLists,
  webPage,
} from "./discovery-fixture.ts";
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

function detect(url: string, kinds: readonly Profile[] = profiles.all) {
  return detectKind(url, {
    profiles: kinds,
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
      "llamacpp",
      {
        "/api/tags": "llama-server-b10488/get-v1-models.http",
        "/v1/models": "llama-server-b10488/get-v1-models.http",
      },
    ],
    ["llamacpp", { "/v1/models": "llama-server-b10488-router/get-v1-models.http" }],
    ["llamacpp", { "/v1/models": "llama-server-pypi-11434.0.0/get-v1-models.http" }],
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

  for (const backend of backends) {
    test(`what answers as ${backend.profile} does is ${backend.profile}`, async () => {
      const bodies = await Promise.all(
        Object.entries(backend.files).map(async ([path, file]) => [path, await readWireBody(file)] as const),
      );
      const found = await detectAt(
        Object.fromEntries(bodies.map(([path, body]) => [path, () => new Response(body)])),
      );
      expect(found?.profile.name).toBe(backend.profile);
      expect(found?.models.map(({ name }) => name).sort()).toEqual([...backend.models]);
    });
  }

  test("a kind that only a user's own file knows is found out by the marks in it", async () => {
    const yaml = [
      "name: xserve",
      "api: {model_discovery_path: /models.json}",
      "detection: {headers: [X-Serve-Version], probes: [{path: /ping, contains: pong}]}",
    ].join("\n");
    const own = parseProfile("xserve.yaml", yaml, []);
    if (own === undefined) throw new Error("the profile is wrong");
    const list = (headers: Record<string, string>) =>
      Response.json({ data: [{ id: "a", owned_by: "me" }] }, { headers });
    const kinds = [...profiles.all, own];
    const byHeader = serveLists((path) =>
      path === "/models.json" || path === "/v1/models" ? list({ "x-serve-version": "2" }) : notFound(),
    );
    const byProbe = serveLists((path) => (path === "/ping" ? new Response("pong") : list({})));
    const neither = serveLists(() => list({}));
    servers.push(byHeader, byProbe, neither);
    const found = [byHeader, byProbe, neither].map(({ url }) => detect(url, kinds));
    expect((await Promise.all(found)).map((kind) => kind?.profile.name)).toEqual([
      "xserve",
      "xserve",
      "openai-compatible",
    ]);
  });

  test("between kinds for which as much speaks, the one whose usual port it is", async () => {
    const server = serveLists((path) =>
      path === "/v1/models" ? Response.json({ data: [{ id: "a", owned_by: "twin" }] }) : notFound(),
    );
    servers.push(server);
    const twin = (name: string, ports: readonly number[]) => ({
      ...profileNamed("vllm"),
      name,
      ownerMarks: ["twin"],
      defaultPorts: ports,
    });
    for (const [ports, name] of [
      [[server.port], "second"],
      [[], "first"],
    ] as const) {
      const found = await detectKind(server.url, {
        profiles: [twin("first", []), twin("second", ports)],
        headers: discoveryHeaders("1", []),
        timeoutMs: 2000,
        clock: systemClock,
      });
      expect(found?.profile.name).toBe(name);
    }
  });

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

  test("a server that answers every path with an empty list is openai-compatible", async () => {
    const server = serveLists(() => Response.json({ object: "list", data: [] }));
    servers.push(server);
    expect((await detect(server.url))?.profile.name).toBe("openai-compatible");
  });

  const empty = () => Response.json({ object: "list", data: [] });
  const unnamed = () => Response.json({ object: "list", data: [{ id: "a", owned_by: "someone" }] });

  test("a list at one kind's own path alone is that kind, marks or none", async () => {
    const found = await detectAt({ "/engines/v1/models": empty });
    expect(found?.profile.name).toBe("docker-model-runner");
    const beside = await detectAt({ "/api/v1/models": unnamed, "/v1/models": unnamed });
    expect(beside?.profile.name).toBe("lemonade");
    const studio = await detectAt({ "/api/v0/models": empty, "/v1/models": empty });
    expect(studio?.profile.name).toBe("lm-studio");
  });

  test("what the program calls itself counts for more than a list that looks like another's", async () => {
    const tags = () => Response.json({ models: [{ name: "a", digest: "1" }] });
    for (const [owner, kind] of [
      ["SGLang", "sglang"],
      ["omlx", "omlx"],
      ["someone", "ollama"],
    ]) {
      const list = () => Response.json({ data: [{ id: "a", owned_by: owner }] });
      expect((await detectAt({ "/api/tags": tags, "/v1/models": list }))?.profile.name).toBe(kind);
    }
  });

  test("a header of the list's answer names the kind, a version header with whatever it says", async () => {
    const withHeader = (name: string, value: string) => () =>
      Response.json({ data: [{ id: "a", owned_by: "me" }] }, { headers: { [name]: value } });
    for (const [name, value, kind] of [
      ["Server", "llama.cpp", "llamacpp"],
      ["Server", "uvicorn", "openai-compatible"],
      ["x-sglang-version", "0.5", "sglang"],
      ["X-LiteLLM-Version", "1.80", "litellm"],
      ["X-vLLM-Version", "0.11", "vllm"],
    ] as const) {
      expect((await detectAt({ "/v1/models": withHeader(name, value) }))?.profile.name).toBe(kind);
    }
  });

  test("where the list does not tell, a path of the kind's own does, and is asked only then", async () => {
    const alive = () => Response.json("I'm alive!");
    expect((await detectAt({ "/v1/models": unnamed, "/health/liveness": alive }))?.profile.name).toBe(
      "litellm",
    );
    const marked = serveLists((path) =>
      path === "/v1/models" ? Response.json({ data: [{ id: "a", owned_by: "vllm" }] }) : notFound(),
    );
    servers.push(marked);
    await detect(marked.url);
    expect(marked.asked).not.toContain("/health/liveness");
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
