// The official SDKs of npm, each in a small program of its own.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { documentedBlock } from "./support/documented.ts";
import { Fleet, model, via } from "./support/fleet.ts";
import { ensureClient } from "./support/programs.ts";
import { sdkScript } from "./support/sdk-script.ts";
import { Workplace } from "./support/workplace.ts";

const sdks = await ensureClient("npm-sdks");
setDefaultTimeout(60_000);

let fleet: Fleet;

/** Gives back what a program printed. */
async function runText(text: string, ...args: string[]): Promise<string> {
  await using place = await Workplace.make({ "work/program.mjs": text });
  if (sdks.isInstalled) await place.linkModules(sdks.folder);
  const env = { OPENAI_BASE_URL: fleet.openaiUrl, ANTHROPIC_BASE_URL: fleet.anthropicUrl, MODEL: model };
  const run = await place.run([process.execPath, "program.mjs", ...args], { env });
  if (run.code !== 0) throw new Error(`the program failed with ${run.code}:\n${run.stderr}`);
  return run.stdout;
}

/** Lets a program do the named things, and gives back what it told of them. */
async function runProgram(name: string, ...asks: string[]): Promise<Record<string, unknown>> {
  const text = await Bun.file(join(import.meta.dir, "programs", `${name}.mjs`)).text();
  return JSON.parse(await runText(text, ...asks)) as Record<string, unknown>;
}

const weatherReport = "call_1: Perth is sunny, call_2: Zürich is sunny";
const isTranslated = via === "translation";

describe.skipIf(!sdks.isInstalled)(`SDKs of npm${sdks.why}`, () => {
  beforeAll(async () => {
    fleet = await Fleet.start(sdkScript);
  });

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
  });

  test("openai: chat completions, embeddings and models", async () => {
    const asks = ["chat", "chatStream", "chatTools", "embeddings", "models"];
    expect(await runProgram("openai", ...asks)).toEqual({
      chat: { text: "You said: hello — Be brief.", usage: 22 },
      chatStream: { text: "You said: hello — ", isInPieces: true },
      chatTools: { finish_reason: "tool_calls", cities: ["Perth", "Zürich"], text: weatherReport },
      embeddings: [
        [0.25, -0.5, 0.125],
        [0.25, -0.5, 0.125],
      ],
      models: [model],
    });
  });

  test("openai: responses", async () => {
    expect(await runProgram("openai", "response", "responseStream", "responseTools")).toEqual({
      response: { text: "You said: hello — Be brief.", status: "completed", usage: 22 },
      responseStream: {
        types: expect.arrayContaining([
          "response.created",
          "response.output_text.delta",
          "response.completed",
        ]),
        isNumbered: true,
        text: "Thought about it.",
        kinds: ["reasoning", "message"],
      },
      responseTools: { count: 2, text: weatherReport },
    });
  });

  test.skipIf(!isTranslated)(
    "openai: a response goes on from the one before, and keeps to a schema",
    async () => {
      expect(await runProgram("openai", "responseFollowUp", "responseFormat")).toEqual({
        responseFollowUp: weatherReport,
        responseFormat: { city: "Perth", degrees: 31 },
      });
      const format = fleet.endpoint().turns.at(-1)?.body.response_format;
      expect(format).toMatchObject({ type: "json_schema", json_schema: { name: "weather", strict: true } });
    },
  );

  test("openai: errors are of the class that the status says", async () => {
    expect(await runProgram("openai", "unknownModel", "refused")).toMatchObject({
      unknownModel: { name: "NotFoundError", status: 404, code: "model_not_found" },
      refused: { name: "UnprocessableEntityError", status: 422 },
    });
  });

  test.skipIf(!isTranslated)(
    "openai: a context that is too long has the code that agents look for",
    async () => {
      expect(await runProgram("openai", "overflow")).toMatchObject({
        overflow: { name: "BadRequestError", status: 400, code: "context_length_exceeded" },
      });
    },
  );

  test("anthropic: messages, streams, tools, token counts", async () => {
    expect(await runProgram("anthropic", "message", "messageStream", "tools", "countTokens")).toEqual({
      message: {
        content: [{ type: "text", text: "You said: hello — Be brief." }],
        stop_reason: "end_turn",
        output: 5,
      },
      messageStream: {
        types: [
          "message_start",
          "content_block_start",
          "content_block_delta",
          "content_block_stop",
          "content_block_start",
          "content_block_delta",
          "content_block_stop",
          "message_delta",
          "message_stop",
        ],
        kinds: ["thinking", "text"],
        said: ["Hm, hm.", "Thought about it."],
        stop_reason: "end_turn",
        usage: 5,
      },
      tools: { stop_reason: "tool_use", count: 2, text: weatherReport },
      countTokens: true,
    });
  });

  test.skipIf(!isTranslated)("anthropic: the list of models has its own shape", async () => {
    expect(await runProgram("anthropic", "models")).toEqual({ models: [{ id: model, type: "model" }] });
  });

  test.skipIf(!isTranslated)("anthropic: errors are of the class and type that the status says", async () => {
    expect(await runProgram("anthropic", "unknownModel", "refused", "overflow")).toMatchObject({
      unknownModel: { name: "NotFoundError", status: 404, type: "not_found_error", hasRequestId: true },
      refused: { name: "UnprocessableEntityError", status: 422, hasRequestId: true },
      overflow: {
        name: "BadRequestError",
        status: 400,
        type: "invalid_request_error",
        message: expect.stringContaining("prompt is too long: 5000 tokens > 4096 maximum"),
      },
    });
  });

  test("vercel: text, streams, reasoning, tools and embeddings", async () => {
    const expected = {
      text: "You said: hello — ",
      streamed: "Thought about it.",
      reasoning: "Hm, hm.",
      finish: "stop",
      tokens: 5,
      steps: 2,
      agent: weatherReport,
    };
    expect(await runProgram("vercel-ai", "openai", "anthropic", "embeddings")).toEqual({
      openai: expected,
      anthropic: expected,
      embeddings: [
        [0.25, -0.5, 0.125],
        [0.25, -0.5, 0.125],
      ],
    });
  });

  test.each(["OpenAI SDKs", "Anthropic SDKs", "Vercel AI SDK"])(
    "the example for %s runs",
    async (heading) => {
      expect(await runText(await documentedBlock(heading, "ts", fleet))).toContain("You said: Hello");
    },
  );

  // Last, because the endpoint is left alone for as long as it asked for.
  test("an endpoint that is at its limit says when to come back", async () => {
    expect(await runProgram("openai", "limited")).toMatchObject({
      limited: { name: "RateLimitError", status: 429, retryAfter: expect.stringMatching(/^[67]$/) },
    });
    if (!isTranslated) return;
    expect(await runProgram("anthropic", "limited")).toMatchObject({
      limited: { name: "RateLimitError", status: 429, retryAfter: expect.stringMatching(/^[1-7]$/) },
    });
  });
});
