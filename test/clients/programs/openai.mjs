// Everything a program does with the openai package; prints what came of it as one JSON object.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: "none", maxRetries: 0 });
const model = process.env.MODEL;
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tool = { type: "function", name: "get_weather", description: "Weather of a city", parameters };
const chatTool = {
  type: "function",
  function: { name: tool.name, description: tool.description, parameters },
};

async function errorOf(promise) {
  try {
    await promise;
    return "no error";
  } catch (error) {
    const { name } = error.constructor;
    return {
      name,
      status: error.status,
      code: error.code ?? null,
      retryAfter: error.headers?.get("retry-after"),
    };
  }
}

const asks = {
  async chat() {
    const answer = await client.chat.completions.create({
      model,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "hello" },
      ],
    });
    return { text: answer.choices[0].message.content, usage: answer.usage.total_tokens };
  },
  async chatStream() {
    const stream = client.chat.completions.stream({ model, messages: [{ role: "user", content: "hello" }] });
    let deltas = 0;
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) deltas += 1;
    return { text: await stream.finalContent(), isInPieces: deltas > 1 };
  },
  async chatTools() {
    const messages = [{ role: "user", content: "weather" }];
    const first = await client.chat.completions.create({ model, messages, tools: [chatTool] });
    const [{ message, finish_reason }] = first.choices;
    const cities = message.tool_calls.map((call) => JSON.parse(call.function.arguments).city);
    messages.push(message);
    for (const [index, call] of message.tool_calls.entries()) {
      messages.push({ role: "tool", tool_call_id: call.id, content: `${cities[index]} is sunny` });
    }
    const last = await client.chat.completions.create({ model, messages, tools: [chatTool] });
    return { finish_reason, cities, text: last.choices[0].message.content };
  },
  async embeddings() {
    const { data } = await client.embeddings.create({ model, input: ["one", "two"] });
    return data.map((each) => each.embedding);
  },
  async models() {
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    return ids;
  },
  async response() {
    const answer = await client.responses.create({ model, instructions: "Be brief.", input: "hello" });
    return { text: answer.output_text, status: answer.status, usage: answer.usage.total_tokens };
  },
  async responseStream() {
    const stream = client.responses.stream({ model, input: "think" });
    const types = [];
    const numbers = [];
    for await (const event of stream) {
      if (types.at(-1) !== event.type) types.push(event.type);
      numbers.push(event.sequence_number);
    }
    const final = await stream.finalResponse();
    const isNumbered = numbers.every((each, index) => each === index);
    return { types, isNumbered, text: final.output_text, kinds: final.output.map((item) => item.type) };
  },
  async responseTools() {
    const input = [{ role: "user", content: "weather" }];
    const first = await client.responses.create({ model, input, tools: [tool] });
    const calls = first.output.filter((item) => item.type === "function_call");
    input.push(...first.output);
    for (const call of calls) {
      const { city } = JSON.parse(call.arguments);
      input.push({ type: "function_call_output", call_id: call.call_id, output: `${city} is sunny` });
    }
    const last = await client.responses.create({ model, input, tools: [tool] });
    return { count: calls.length, text: last.output_text };
  },
  async responseFollowUp() {
    const first = await client.responses.create({ model, input: "weather", tools: [tool] });
    const calls = first.output.filter((item) => item.type === "function_call");
    const input = calls.map((call) => ({
      type: "function_call_output",
      call_id: call.call_id,
      output: `${JSON.parse(call.arguments).city} is sunny`,
    }));
    const previous_response_id = first.id;
    const last = await client.responses.create({ model, input, tools: [tool], previous_response_id });
    return last.output_text;
  },
  async responseFormat() {
    const properties = { city: { type: "string" }, degrees: { type: "number" } };
    const schema = {
      type: "object",
      properties,
      required: ["city", "degrees"],
      additionalProperties: false,
    };
    const format = { type: "json_schema", name: "weather", strict: true, schema };
    const answer = await client.responses.parse({ model, input: "json", text: { format } });
    return answer.output_parsed ?? JSON.parse(answer.output_text);
  },
  unknownModel: () =>
    errorOf(
      client.chat.completions.create({
        model: "nobody-has-it",
        messages: [{ role: "user", content: "hello" }],
      }),
    ),
  refused: () => errorOf(client.responses.create({ model, input: "refuse 422" })),
  overflow: () => errorOf(client.responses.create({ model, input: "overflow" })),
  limited: () =>
    errorOf(client.chat.completions.create({ model, messages: [{ role: "user", content: "refuse 429" }] })),
};

const results = {};
for (const name of process.argv.slice(2)) {
  results[name] = await asks[name]().catch((error) => `failed: ${error.constructor.name} ${error.message}`);
}
console.log(JSON.stringify(results));
