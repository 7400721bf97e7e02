// The official SDKs of PyPI and LangChain's on top of one, where Python is there.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { documentedBlock } from "./support/documented.ts";
import { Fleet, model, via } from "./support/fleet.ts";
import { ensureClient, findPython } from "./support/programs.ts";
import { sdkScript } from "./support/sdk-script.ts";
import { Workplace } from "./support/workplace.ts";

const sdks = await ensureClient("python-sdks");
setDefaultTimeout(60_000);

let fleet: Fleet;

/** Gives back what Python printed. */
async function runPython(...args: string[]): Promise<string> {
  const python = findPython();
  if (!sdks.isInstalled || python === undefined) throw new Error("Python is not there");
  await using place = await Workplace.make();
  const run = await place.run([python, ...args], {
    env: {
      PYTHONPATH: sdks.folder,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONIOENCODING: "utf-8",
      OPENAI_BASE_URL: fleet.openaiUrl,
      ANTHROPIC_BASE_URL: fleet.anthropicUrl,
      MODEL: model,
    },
  });
  if (run.code !== 0) throw new Error(`the program failed with ${run.code}:\n${run.stderr}`);
  expect(place.outside).toEqual([]);
  return run.stdout;
}

/** Lets the program do the named things, and gives back what it told of them. */
async function runProgram(...asks: string[]): Promise<Record<string, unknown>> {
  const printed = await runPython(join(import.meta.dir, "programs/sdks.py"), ...asks);
  return JSON.parse(printed) as Record<string, unknown>;
}

const weatherReport = "call_1: Perth is sunny, call_2: Zürich is sunny";

describe.skipIf(!sdks.isInstalled)(`SDKs of PyPI${sdks.why}`, () => {
  beforeAll(async () => {
    fleet = await Fleet.start(sdkScript);
  });

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });

  test("openai: chat completions, responses, embeddings, models, errors", async () => {
    expect(await runProgram("openai_chat", "openai_responses", "openai_errors")).toEqual({
      openai_chat: {
        whole: "You said: hello — ",
        stream: "You said: hello — ",
        tokens: 22,
        embedding: [0.25, -0.5, 0.125],
        models: [model],
      },
      openai_responses: { completed: true, text: weatherReport },
      openai_errors: {
        unknown: { name: "NotFoundError", status: 404, code: "model_not_found" },
        refused: { name: "UnprocessableEntityError", status: 422, code: null },
      },
    });
  });

  test("anthropic: messages, streams, tools, token counts, errors", async () => {
    const found = await runProgram("anthropic_messages", "anthropic_tools", "anthropic_errors");
    expect(found).toMatchObject({
      anthropic_messages: {
        whole: "You said: hello — Be brief.",
        stream: "Thought about it.",
        kinds: ["thinking", "text"],
        counted: true,
      },
      anthropic_tools: { stop: "tool_use", text: weatherReport },
      anthropic_errors: {
        unknown: { name: "NotFoundError", status: 404 },
        refused: { name: "UnprocessableEntityError", status: 422 },
      },
    });
  });

  test.skipIf(via === "passthrough")("anthropic: the list of models has its own shape", async () => {
    expect(await runProgram("anthropic_models")).toEqual({ anthropic_models: [model] });
  });

  test.each(["OpenAI SDKs", "Anthropic SDKs", "LangChain"])("the example for %s runs", async (heading) => {
    expect(await runPython("-c", await documentedBlock(heading, "python", fleet))).toContain(
      "You said: Hello",
    );
  });

  test("langchain-openai: an agent's tools, streams, the responses API and embeddings", async () => {
    expect(await runProgram("langchain")).toEqual({
      langchain: {
        agent: weatherReport,
        stream: "You said: hello — ",
        async: "You said: hello — ",
        responses: "You said: hello — ",
        embedding: [0.25, -0.5, 0.125],
      },
    });
  });
});
