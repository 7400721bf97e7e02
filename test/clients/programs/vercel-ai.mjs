// Vercel's AI SDK over two of its providers; prints what came of it as one JSON object.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const model = process.env.MODEL;
const openai = createOpenAICompatible({
  name: "olla",
  baseURL: process.env.OPENAI_BASE_URL,
  includeUsage: true,
});
const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1`, apiKey: "none" });
const weather = tool({
  description: "Weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `${city} is sunny`,
});

async function withModel(chatModel) {
  const whole = await generateText({ model: chatModel, prompt: "hello" });
  const stream = streamText({ model: chatModel, prompt: "think" });
  const streamed = await stream.text;
  const agent = await generateText({
    model: chatModel,
    prompt: "weather",
    tools: { get_weather: weather },
    stopWhen: stepCountIs(3),
  });
  return {
    text: whole.text,
    streamed,
    reasoning: await stream.reasoningText,
    finish: await stream.finishReason,
    tokens: (await stream.usage).outputTokens,
    steps: agent.steps.length,
    agent: agent.text,
  };
}

const asks = {
  openai: () => withModel(openai(model)),
  anthropic: () => withModel(anthropic(model)),
  async embeddings() {
    const { embeddings } = await embedMany({
      model: openai.textEmbeddingModel(model),
      values: ["one", "two"],
    });
    return embeddings;
  },
};

const results = {};
for (const name of process.argv.slice(2)) {
  results[name] = await asks[name]().catch((error) => `failed: ${error.constructor.name} ${error.message}`);
}
console.log(JSON.stringify(results));
