// Everything a program does with the @anthropic-ai/sdk package; prints what came of it as one JSON object.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.ANTHROPIC_BASE_URL, apiKey: "none", maxRetries: 0 });
const model = process.env.MODEL;
const max_tokens = 500;
const input_schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "get_weather", description: "Weather of a city", input_schema }];

async function errorOf(promise) {
  try {
    await promise;
    return "no error";
  } catch (error) {
    const { name } = error.constructor;
    const { type, message } = error.error?.error ?? {};
    const hasRequestId = typeof error.requestID === "string";
    return {
      name,
      status: error.status,
      type,
      message,
      hasRequestId,
      retryAfter: error.headers?.get("retry-after"),
    };
  }
}

const userSays = (content) => ({ model, max_tokens, messages: [{ role: "user", content }] });

const asks = {
  async message() {
    const answer = await client.messages.create({ ...userSays("hello"), system: "Be brief." });
    const { content, stop_reason, usage } = answer;
    return { content, stop_reason, output: usage.output_tokens };
  },
  async messageStream() {
    const stream = client.messages.stream(userSays("think"));
    const types = [];
    for await (const event of stream) if (types.at(-1) !== event.type) types.push(event.type);
    const { content, stop_reason, usage } = await stream.finalMessage();
    const said = content.map((block) => block.text ?? block.thinking);
    return {
      types,
      kinds: content.map((block) => block.type),
      said,
      stop_reason,
      usage: usage.output_tokens,
    };
  },
  async tools() {
    const messages = [{ role: "user", content: "weather" }];
    const first = await client.messages.stream({ model, max_tokens, messages, tools }).finalMessage();
    const calls = first.content.filter((block) => block.type === "tool_use");
    messages.push({ role: "assistant", content: first.content });
    const content = calls.map((call) => ({
      type: "tool_result",
      tool_use_id: call.id,
      content: `${call.input.city} is sunny`,
    }));
    messages.push({ role: "user", content });
    const last = await client.messages.create({ model, max_tokens, messages, tools });
    return { stop_reason: first.stop_reason, count: calls.length, text: last.content[0].text };
  },
  async countTokens() {
    const { input_tokens } = await client.messages.countTokens({
      model,
      messages: userSays("hello").messages,
    });
    return input_tokens > 0;
  },
  async models() {
    const found = [];
    for await (const each of client.models.list()) found.push({ id: each.id, type: each.type });
    return found;
  },
  unknownModel: () => errorOf(client.messages.create({ ...userSays("hello"), model: "nobody-has-it" })),
  refused: () => errorOf(client.messages.create(userSays("refuse 422"))),
  overflow: () => errorOf(client.messages.create(userSays("overflow"))),
  limited: () => errorOf(client.messages.create(userSays("refuse 429"))),
};

const results = {};
for (const name of process.argv.slice(2)) {
  results[name] = await asks[name]().catch((error) => `failed: ${error.constructor.name} ${error.message}`);
}
console.log(JSON.stringify(results));
