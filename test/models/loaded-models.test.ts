import { expect, test } from "bun:test";
import { parseLoaded } from "../../src/models/list-parsers/parse-loaded.ts";
import { readLoadedModels } from "../../src/models/loaded/read-loaded-models.ts";
import { type LoadedFormat, loadedFormats } from "../../src/profiles/profile.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { endpointAt, notFound, profileNamed, webPage } from "./discovery-fixture.ts";
import { readWireBody } from "./wire-fixture.ts";

const namesIn = async (format: LoadedFormat, path: string) =>
  parseLoaded(format, await readWireBody(path))?.map(({ name }) => name);

test("a recorded /api/ps of Ollama tells names, sizes, digest, context and when the model will go", async () => {
  const models = parseLoaded("ollama", await readWireBody("ollama-0.32.15/get-api-ps.http"));
  expect(models).toEqual([
    {
      name: "tiny:latest",
      sizeBytes: 12_970_883,
      sizeVramBytes: 0,
      digest: "3a6a2987d87049d231ea2b1ca94d782a8635470959c430fe001f6537a8c8a1ed",
      expiresAt: "2026-11-20T20:56:05.714196086Z",
      contextLength: 4096,
    },
  ]);
});

test("what is not loaded is left out: LM Studio's list, llama-server's router, llama-swap, oMLX", async () => {
  expect(await namesIn("lmstudio", "lm-studio-handmade/get-api-v0-models.http")).toEqual([
    "meta-llama-3.1-8b-instruct",
  ]);
  expect(await namesIn("llamacpp", "llama-server-b10488-router/get-v1-models.http")).toEqual(["tiny-a"]);
  expect(await namesIn("llama-swap", "llama-swap-handmade/get-running.http")).toEqual(["Qwen3-8B", "bge-m3"]);
  expect(await namesIn("omlx", "omlx-handmade/get-v1-models-status.http")).toEqual([
    "Qwen3-30B-A3B-4bit",
    "bge-m3-mlx",
  ]);
});

test("a llama-server with one model gives it no status, and has it in memory", async () => {
  expect(await namesIn("llamacpp", "llama-server-b10488/get-v1-models.http")).toHaveLength(1);
});

test("command lines, which may hold keys, are not kept", async () => {
  const router = await readWireBody("llama-server-b10488-router/get-v1-models.http");
  expect(JSON.stringify(parseLoaded("llamacpp", router))).not.toContain("--port");
  const swap = await readWireBody("llama-swap-handmade/get-running.http");
  expect(JSON.stringify(parseLoaded("llama-swap", swap))).not.toContain("canary");
});

test.each(loadedFormats)("%s: junk is no list, and an empty list is one", (format) => {
  const arrayName = {
    ollama: "models",
    lmstudio: "data",
    llamacpp: "data",
    "llama-swap": "running",
    omlx: "models",
  };
  const parse = (text: string) => parseLoaded(format, new TextEncoder().encode(text));
  for (const junk of ["", "<html>", "[]", "null", "7", "{}", "[1", `{"${arrayName[format]}":7}`]) {
    expect(parse(junk)).toBeUndefined();
  }
  expect(parse(`{"${arrayName[format]}":[]}`)).toEqual([]);
  expect(parse(`{"${arrayName[format]}":null}`)).toEqual([]);
  expect(parse(`{"${arrayName[format]}":[null,1,"x",{},{"id":7,"name":7,"model":7}]}`)).toEqual([]);
});

type Answers = Readonly<Record<string, () => Response>>;

/** What is read of an endpoint whose paths answer so, and which were asked. */
async function read(kind: string, url: string, answers: Answers) {
  const asked: string[] = [];
  const models = await readLoadedModels(endpointAt("box", url, { profile: profileNamed(kind) }), {
    clock: createFakeClock(),
    version: "1",
    fetch: async (target) => {
      const { pathname } = new URL(target);
      asked.push(pathname);
      return (answers[pathname] ?? notFound)();
    },
  });
  return { asked, names: models?.map(({ name }) => name) };
}

const running = () => Response.json({ running: [{ model: "a", state: "ready" }] });
const single = () => Response.json({ data: [{ id: "b" }] });

test("llama-swap is asked where it answers; a plain llama-server says so in its list", async () => {
  const both = { "/running": running, "/v1/models": single };
  expect(await read("llamacpp", "http://box:1", both)).toEqual({ asked: ["/running"], names: ["a"] });
  expect(await read("llamacpp", "http://box:1", { "/v1/models": single })).toEqual({
    asked: ["/running", "/v1/models"],
    names: ["b"],
  });
  expect(await read("llamacpp", "http://box:1", { ...both, "/running": webPage })).toMatchObject({
    names: ["b"],
  });
});

test("a llama-swap that is busy is not taken for a llama-server that has everything loaded", async () => {
  const answers = { "/running": () => new Response("", { status: 503 }), "/v1/models": single };
  expect(await read("llamacpp", "http://box:1", answers)).toEqual({ asked: ["/running"], names: undefined });
});

test("an endpoint given with the /v1 of its OpenAI routes is asked beside it", async () => {
  const answers = { "/running": running, "/api/ps": () => Response.json({ models: [{ name: "c:latest" }] }) };
  expect(await read("openai-compatible", "http://box:1/v1", answers)).toMatchObject({ names: ["a"] });
  expect(await read("ollama", "http://box:1/v1", answers)).toMatchObject({ names: ["c:latest"] });
});

test("kinds that always have their models, and kinds that cannot tell, are not asked", async () => {
  for (const kind of ["vllm", "sglang", "lmdeploy", "vllm-mlx", "litellm"]) {
    expect(await read(kind, "http://box:1", {})).toEqual({ asked: [], names: undefined });
  }
});

test("a list that never ends is none", async () => {
  const answers = { "/api/ps": () => new Response(`{"models":[],"x":"${"y".repeat(1024 * 1024)}"}`) };
  expect(await read("ollama", "http://box:1", answers)).toMatchObject({ names: undefined });
});
