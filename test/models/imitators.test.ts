import { afterEach, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { detectKind } from "../../src/models/detect-kind.ts";
import { discoveryHeaders } from "../../src/models/fetch-model-list.ts";
import { type ListServer, notFound, profiles, serveLists, webPage } from "./discovery-fixture.ts";

/**
 * Programs that answer some of Ollama's paths, or look like another kind. Written by hand after their source code as of
 * late 2026 (Jan, text-generation-webui and TabbyAPI as of 2025); none of it is a recording.
 */
interface Imitator {
  readonly program: string;
  readonly answers: Readonly<Record<string, unknown>>;
  readonly kind: string;
  readonly models: readonly string[];
}

const openaiList = (owner: string | undefined, ...ids: readonly string[]) => ({
  object: "list",
  data: ids.map((id) => ({ id, object: "model", ...(owner === undefined ? {} : { owned_by: owner }) })),
});

const koboldEntry = {
  name: "koboldcpp",
  modified_at: "2024-07-19T15:26:55.6122841+08:00",
  size: 394_998_579,
  digest: "b5dc5e784f2a3ee1582373093acf69a2f4e2ac1710b253a001712b86a61f88bb",
  details: { format: "gguf", family: "koboldcpp", parameter_size: "128M", quantization_level: "Q4_0" },
};

const localAiEntry = (name: string) => ({
  name,
  model: name,
  modified_at: "2026-11-20T20:50:12Z",
  digest: "sha256:2310dd6afe87659cc2edb4cf77c75467dab9ed1d8967cb4d6bb00e5ae3ead501",
  details: { format: "gguf", family: "llama-cpp", families: ["llama-cpp"] },
  capabilities: ["completion"],
});

const imitators: readonly Imitator[] = [
  {
    program: "KoboldCpp",
    answers: {
      "/": "<!DOCTYPE html><title>KoboldAI Lite</title>",
      "/api/tags": {
        models: [
          { ...koboldEntry, model: "koboldcpp/tiny:latest" },
          { ...koboldEntry, model: "koboldcpp/tiny" },
        ],
      },
      "/api/version": { version: "0.7.0" },
      "/api/extra/version": { result: "KoboldCpp", version: "1.101" },
      "/v1/models": openaiList("koboldcpp", "koboldcpp/tiny"),
    },
    kind: "openai-compatible",
    models: ["koboldcpp/tiny"],
  },
  {
    program: "LocalAI",
    answers: {
      "/": "<!DOCTYPE html><title>LocalAI</title>",
      "/api/tags": { models: [localAiEntry("gpt-4:latest"), localAiEntry("bge:latest")] },
      "/api/version": { version: "0.9.0" },
      "/v1/models": openaiList(undefined, "gpt-4", "bge"),
    },
    kind: "openai-compatible",
    models: ["gpt-4", "bge"],
  },
  {
    program: "LocalAI with a name that has a tag",
    answers: {
      "/api/tags": { models: ["qwen:7b", "gpt-4:latest", "bge:latest"].map(localAiEntry) },
      "/v1/models": openaiList(undefined, "qwen:7b", "gpt-4", "bge"),
    },
    kind: "openai-compatible",
    models: ["qwen:7b", "gpt-4", "bge"],
  },
  {
    program: "LocalAI without models",
    answers: {
      "/": "<!DOCTYPE html><title>LocalAI</title>",
      "/api/tags": { models: null },
      "/v1/models": { object: "list", data: null },
    },
    kind: "openai-compatible",
    models: [],
  },
  {
    program: "llama-swap",
    answers: {
      "/v1/models": {
        object: "list",
        data: [
          { id: "tiny", object: "model", owned_by: "llama-swap", status: { value: "loaded" } },
          { id: "big", object: "model", owned_by: "llama-swap", status: { value: "unloaded" } },
        ],
      },
      "/running": { running: [{ model: "tiny", state: "ready" }] },
    },
    kind: "openai-compatible",
    models: ["tiny", "big"],
  },
  {
    program: "Jan",
    answers: {
      "/": "<!DOCTYPE html><title>API Docs</title>",
      "/v1/models": {
        object: "list",
        data: [{ id: "qwen3-4b", object: "model", created: 1, owned_by: "user" }],
      },
    },
    kind: "openai-compatible",
    models: ["qwen3-4b"],
  },
  {
    program: "text-generation-webui",
    answers: {
      "/": { detail: "Not Found" },
      "/v1/models": {
        object: "list",
        data: [{ id: "tiny.gguf", object: "model", created: 0, owned_by: "user" }],
      },
    },
    kind: "openai-compatible",
    models: ["tiny.gguf"],
  },
  {
    program: "TabbyAPI",
    answers: {
      "/v1/models": {
        object: "list",
        data: [
          {
            id: "tiny-exl2",
            object: "model",
            created: 1_795_207_812,
            owned_by: "tabbyAPI",
            logging: null,
            parameters: null,
          },
        ],
      },
    },
    kind: "openai-compatible",
    models: ["tiny-exl2"],
  },
  {
    program: "a gateway that shows the owners of many programs",
    answers: {
      "/v1/models": {
        data: [
          { id: "a", owned_by: "vllm" },
          { id: "b", owned_by: "llamacpp" },
          { id: "c", owned_by: "llama-swap" },
        ],
      },
    },
    kind: "openai-compatible",
    models: ["a", "b", "c"],
  },
  {
    program: "an Ollama where a model was pulled between the two questions",
    answers: {
      "/api/tags": { models: [{ name: "a:latest" }, { name: "b:7b" }] },
      "/v1/models": openaiList("library", "a:latest", "b:7b", "c:latest"),
    },
    kind: "ollama",
    models: ["a:latest", "b:7b"],
  },
  {
    program: "an Ollama without models",
    answers: {
      "/": "Ollama is running",
      "/api/tags": { models: [] },
      "/v1/models": { object: "list", data: null },
    },
    kind: "ollama",
    models: [],
  },
  {
    program: "an Ollama of before OpenAI's list",
    answers: { "/api/tags": { models: [{ name: "a:latest" }] } },
    kind: "ollama",
    models: ["a:latest"],
  },
];

const servers: ListServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

for (const { program, answers, kind, models } of imitators) {
  test(`${program} is ${kind}`, async () => {
    const server = serveLists((path) => {
      const answer = answers[path];
      if (answer === undefined) return notFound();
      if (typeof answer !== "string") return Response.json(answer);
      return answer.startsWith("<") ? webPage() : new Response(answer);
    });
    servers.push(server);
    const found = await detectKind(server.url, {
      profiles: profiles.all,
      headers: discoveryHeaders("1", []),
      timeoutMs: 2000,
      clock: systemClock,
    });
    expect(found?.profile.name).toBe(kind);
    expect(found?.models.map(({ name }) => name)).toEqual([...models]);
  });
}
