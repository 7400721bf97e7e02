// The official OpenAI client speaks Responses through the running app, to endpoints that know chat completions only, and
// to some that know Responses.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour, Exchange } from "../support/socket-server.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";

type Response = OpenAI.Responses.Response;
type StreamEvent = OpenAI.Responses.ResponseStreamEvent;

interface ChatAsked {
  readonly stream?: boolean;
  readonly messages: readonly {
    readonly role: string;
    readonly content: unknown;
    readonly tool_calls?: unknown;
  }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
  readonly tool_choice?: unknown;
  readonly response_format?: unknown;
}

const usage = { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 };

interface Said {
  readonly reasoning_content?: string;
  readonly content?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
  readonly finish?: string;
}

function chunkOf(delta: object, finish_reason: string | null = null): string {
  return `data: ${JSON.stringify({ model: "tiny", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
}

async function startStream(exchange: Exchange): Promise<void> {
  await exchange.startChunked(200, { "Content-Type": "text/event-stream" });
}

/** One answer as a chat endpoint gives it, whole or streamed. */
async function say(exchange: Exchange, said: Said): Promise<void> {
  const { finish = said.tool_calls ? "tool_calls" : "stop", ...message } = said;
  const { stream } = askedIn(exchange);
  if (stream !== true) {
    const choices = [
      { index: 0, finish_reason: finish, message: { role: "assistant", content: null, ...message } },
    ];
    return exchange.respondJson({ object: "chat.completion", model: "tiny", choices, usage });
  }
  await startStream(exchange);
  await exchange.chunk(chunkOf({ role: "assistant", content: "" }));
  if (said.reasoning_content) await exchange.chunk(chunkOf({ reasoning_content: said.reasoning_content }));
  for (const word of said.content?.split(/(?<= )/) ?? []) await exchange.chunk(chunkOf({ content: word }));
  for (const [index, call] of (said.tool_calls ?? []).entries()) {
    const { name, arguments: given } = call.function;
    await exchange.chunk(
      chunkOf({ tool_calls: [{ index, id: call.id, function: { name, arguments: "" } }] }),
    );
    for (const half of [given.slice(0, 3), given.slice(3)]) {
      await exchange.chunk(chunkOf({ tool_calls: [{ index, function: { arguments: half } }] }));
    }
  }
  await exchange.chunk(chunkOf({}, finish));
  await exchange.chunk(`data: ${JSON.stringify({ model: "tiny", choices: [], usage })}\n\ndata: [DONE]\n\n`);
  await exchange.endChunked();
}

function askedIn(exchange: Exchange): ChatAsked {
  return JSON.parse(exchange.text);
}

/** Knows chat completions and nothing else. */
function chatOnly(behave: Behaviour): Behaviour {
  return (exchange) =>
    exchange.target === "/v1/chat/completions"
      ? behave(exchange)
      : exchange.respondJson({ detail: "Not Found" }, 404);
}

const weather = {
  type: "function",
  name: "get_weather",
  strict: true,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
} as const;

let script: Behaviour = (exchange) => say(exchange, { content: "Hello there" });
let upstream: FakeUpstream;
let olla: RunningOlla;
let client: OpenAI;

function clientOf(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/olla/openai/v1`, apiKey: "none", maxRetries: 0 });
}

function lastAsked(): ChatAsked {
  const last = upstream.requests.findLast(({ target }) => target === "/v1/chat/completions");
  if (last === undefined) throw new Error("no chat endpoint was asked");
  return askedIn(last);
}

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "nothing",
    (thrown: unknown) => thrown,
  );
}

/** @param onText called at every piece of text */
async function eventsOf(
  stream: AsyncIterable<StreamEvent>,
  onText: () => void = () => {},
): Promise<{ types: string[]; error: unknown }> {
  const types: string[] = [];
  try {
    for await (const { type } of stream) {
      types.push(type);
      if (type === "response.output_text.delta") onText();
    }
    return { types, error: undefined };
  } catch (error) {
    return { types, error };
  }
}

beforeAll(async () => {
  upstream = new FakeUpstream({ behave: chatOnly((exchange) => script(exchange)) });
  olla = await startOlla({ endpoints: [{ name: "chat", url: upstream.url, type: "openai" }] });
  client = clientOf(olla.url);
});

afterAll(async () => {
  await olla[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe("the openai client, in front of an endpoint that knows chat completions only", () => {
  test("gets a whole answer", async () => {
    script = (exchange) => say(exchange, { reasoning_content: "A greeting.", content: "Hello there" });
    const response = await client.responses.create({ model: "tiny", instructions: "Be kind.", input: "Hi" });
    expect(response).toMatchObject({ status: "completed", output_text: "Hello there" });
    expect(response.output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
    expect(response.usage?.total_tokens).toBe(16);
    expect(lastAsked().messages).toMatchObject([
      { role: "system", content: "Be kind." },
      { role: "user", content: "Hi" },
    ]);
  });

  test("asks at the path of its own first, once", async () => {
    script = (exchange) => say(exchange, { content: "Hello there" });
    await client.responses.create({ model: "tiny", input: "Hi" });
    await client.responses.create({ model: "tiny", input: "Hi" });
    expect(upstream.requests.filter(({ target }) => target === "/v1/responses")).toHaveLength(1);
  });

  test("puts a stream together to what it reads from the whole answer", async () => {
    script = (exchange) => say(exchange, { reasoning_content: "A greeting.", content: "Hello there" });
    const stream = client.responses.stream({ model: "tiny", input: "Hi" });
    const last: StreamEvent[] = [];
    for await (const event of stream) last.push(event);
    const final = await stream.finalResponse();
    expect(final.output_text).toBe("Hello there");
    expect(last.at(-1)).toMatchObject({ type: "response.completed", response: { id: final.id } });
    const whole = await client.responses.create({ model: "tiny", input: "Hi" });
    const tell = ({ output }: Pick<Response, "output">) =>
      output.map((item) => JSON.stringify({ ...item, id: "" }).replaceAll(',"parsed":null', ""));
    expect(tell(final)).toEqual(tell(whole));
  });

  test("gets parallel calls, streamed, sends their results back, and both reach the endpoint", async () => {
    script = (exchange) =>
      askedIn(exchange).messages.some(({ role }) => role === "tool")
        ? say(exchange, { content: "Sunny and dry" })
        : say(exchange, {
            content: "I look.",
            tool_calls: [
              { id: "call_1", function: { name: "get_weather", arguments: '{"city":"Perth"}' } },
              { id: "call_2", function: { name: "get_weather", arguments: '{"city":"Oslo"}' } },
            ],
          });
    const stream = client.responses.stream({ model: "tiny", input: "Weather?", tools: [weather] });
    const done: string[] = [];
    stream.on("response.function_call_arguments.done", (event) => done.push(event.arguments));
    const first = await stream.finalResponse();
    expect(done).toEqual(['{"city":"Perth"}', '{"city":"Oslo"}']);
    const second = await client.responses.create({
      model: "tiny",
      previous_response_id: first.id,
      input: [
        { type: "function_call_output", call_id: "call_2", output: "dry" },
        { type: "function_call_output", call_id: "call_1", output: "sunny" },
      ],
      tools: [weather],
    });
    expect(second.output_text).toBe("Sunny and dry");
    expect(lastAsked().messages).toMatchObject([
      { role: "user", content: "Weather?" },
      { role: "assistant", content: "I look.", tool_calls: [{ id: "call_1" }, { id: "call_2" }] },
      { role: "tool", tool_call_id: "call_1", content: "sunny" },
      { role: "tool", tool_call_id: "call_2", content: "dry" },
    ]);
    const third = await client.responses.create({
      model: "tiny",
      previous_response_id: second.id,
      instructions: "Be brief.",
      input: "Thanks",
    });
    expect(third.previous_response_id).toBe(second.id);
    expect(
      lastAsked()
        .messages.map(({ role }) => role)
        .join(" "),
    ).toBe("system user assistant tool tool assistant user");
  });

  test("parses structured output", async () => {
    script = (exchange) => say(exchange, { content: '{"word":"heron"}' });
    const schema = {
      type: "object",
      properties: { word: { type: "string" } },
      required: ["word"],
      additionalProperties: false,
    };
    const response = await client.responses.parse({
      model: "tiny",
      input: "Which word?",
      text: { format: { type: "json_schema", name: "answer", strict: true, schema } },
    });
    expect(JSON.parse(response.output_text)).toEqual({ word: "heron" });
    expect(lastAsked().response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "answer", schema, strict: true },
    });
  });

  test("has an incomplete response when the answer was cut at the limit", async () => {
    script = (exchange) => say(exchange, { content: "Hello th", finish: "length" });
    const whole = await client.responses.create({ model: "tiny", input: "Hi", max_output_tokens: 16 });
    expect(whole).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
    });
    const { types } = await eventsOf(
      await client.responses.create({ model: "tiny", input: "Hi", stream: true }),
    );
    expect(types.at(-1)).toBe("response.incomplete");
  });

  test("is told which of its tools nobody runs, and goes on with the others", async () => {
    script = (exchange) => say(exchange, { content: "Hello" });
    const { response, data } = await client.responses
      .create({
        model: "tiny",
        input: "Hi",
        tools: [weather, { type: "web_search" }, { type: "code_interpreter", container: { type: "auto" } }],
        tool_choice: { type: "code_interpreter" },
      })
      .withResponse();
    expect(response.headers.get("x-olla-dropped-tools")).toBe("web_search, code_interpreter");
    expect(data.status).toBe("completed");
    expect(lastAsked().tools?.map((tool) => tool.function.name)).toEqual(["get_weather"]);
    expect(lastAsked().tool_choice).toBe("auto");
  });

  test("refers to an item that it was given before", async () => {
    script = (exchange) => say(exchange, { content: "Hello there" });
    const { output } = await client.responses.create({ model: "tiny", input: "Hi" });
    await client.responses.create({
      model: "tiny",
      input: [
        { role: "user", content: "Hi" },
        { type: "item_reference", id: output[0]?.id ?? "" },
        { role: "user", content: "Again" },
      ],
    });
    expect(lastAsked().messages[1]).toMatchObject({ role: "assistant", content: "Hello there" });
  });

  test("gets a 400 that it understands for a response that nobody keeps", async () => {
    script = (exchange) => say(exchange, { content: "Hello" });
    const unkept = await client.responses.create({ model: "tiny", input: "Hi", store: false });
    for (const previous_response_id of [unkept.id, "resp_unknown"]) {
      const error = await thrownBy(
        client.responses.create({ model: "tiny", input: "Hi", previous_response_id }),
      );
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error).toMatchObject({
        code: "previous_response_not_found",
        param: "previous_response_id",
        type: "invalid_request_error",
      });
    }
  });

  test("reads a response again, with what it was asked, and deletes it", async () => {
    script = (exchange) => say(exchange, { content: "Hello there" });
    const input = ["One", "Two", "Three"].map((content) => ({ role: "user" as const, content }));
    const { id, output } = await client.responses.create({ model: "tiny", input });
    const again = await client.responses.retrieve(id);
    expect(again).toMatchObject({ id, output, output_text: "Hello there" });
    const asked: unknown[] = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2, order: "asc" })) {
      asked.push("content" in item ? item.content : undefined);
    }
    expect(asked).toEqual(["One", "Two", "Three"]);
    expect(await thrownBy(client.responses.cancel(id))).toBeInstanceOf(OpenAI.BadRequestError);
    await client.responses.delete(id);
    expect(await thrownBy(client.responses.retrieve(id))).toBeInstanceOf(OpenAI.NotFoundError);
    expect(upstream.requests.filter(({ target }) => target.includes(id))).toEqual([]);
  });

  test("asks an endpoint about a response that is not Olla's", async () => {
    const error = await thrownBy(client.responses.retrieve("resp_theirs"));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(upstream.requests.at(-1)?.target).toBe("/v1/responses/resp_theirs");
  });

  test("gets a 429 with the time to wait", async () => {
    script = (exchange) =>
      exchange.respondJson({ error: { message: "Too many requests" } }, 429, { "Retry-After": "7" });
    const error = await thrownBy(client.responses.create({ model: "tiny", input: "Hi" }));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect((error as InstanceType<typeof OpenAI.RateLimitError>).headers?.get("retry-after")).toBe("7");
  });
});

/** Answers that stop in the middle, and break off once their client has got that far. */
class Hang {
  readonly #held: Exchange[] = [];

  hold(exchange: Exchange): void {
    this.#held.push(exchange);
  }

  cut(): void {
    for (const exchange of this.#held.splice(0)) exchange.close();
  }
}

/** An app of its own, for endpoints that break. */
async function withEndpoints<Result>(
  endpoints: readonly FakeUpstream[],
  use: (own: OpenAI, running: RunningOlla) => Promise<Result>,
  type = "openai",
): Promise<Result> {
  const settings = endpoints.map(({ url }, index) => ({
    name: `e${index}`,
    url,
    type,
    priority: 100 - index,
  }));
  await using running = await startOlla({ endpoints: settings });
  return await use(clientOf(running.url), running);
}

describe("when it goes wrong, the openai client", () => {
  test("is told that the prompt is too long", async () => {
    const message = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.";
    await using full = new FakeUpstream({
      behave: chatOnly((exchange) => exchange.respondJson({ object: "error", message, code: 400 }, 400)),
    });
    const error = await withEndpoints([full], (own) =>
      thrownBy(own.responses.create({ model: "tiny", input: "Hi" })),
    );
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: "context_length_exceeded", type: "invalid_request_error" });
    expect(String(error)).toContain("4096 tokens");
  });

  test("sees a failed response when a translated stream breaks", async () => {
    const hang = new Hang();
    await using dying = new FakeUpstream({
      behave: chatOnly(async (exchange) => {
        await startStream(exchange);
        await exchange.chunk(chunkOf({ content: "Hello th" }));
        hang.hold(exchange);
      }),
    });
    const { told, final } = await withEndpoints([dying], async (own) => {
      const first = await own.responses.create({ model: "tiny", input: "Hi", stream: true });
      const events = await eventsOf(first, () => hang.cut());
      const stream = own.responses.stream({ model: "tiny", input: "Hi" });
      stream.on("response.output_text.delta", () => hang.cut());
      return { told: events, final: await stream.finalResponse() };
    });
    expect(told.error).toBeUndefined();
    expect(told.types.at(-1)).toBe("response.failed");
    expect(told.types).not.toContain("response.completed");
    expect(final).toMatchObject({
      status: "failed",
      error: { code: "server_error" },
      output: [{ status: "incomplete", content: [{ text: "Hello th" }] }],
    });
  });

  test("throws when the stream of an endpoint that speaks Responses itself breaks", async () => {
    const hang = new Hang();
    const item = { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] };
    const response = { id: "resp_1", object: "response", status: "in_progress", output: [] };
    const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
    const events = [
      { type: "response.created", sequence_number: 0, response },
      { type: "response.output_item.added", sequence_number: 1, output_index: 0, item },
      { type: "response.output_text.delta", sequence_number: 2, ...at, delta: "Hello" },
    ];
    await using dying = new FakeUpstream({
      behave: async (exchange) => {
        await startStream(exchange);
        for (const event of events) {
          await exchange.chunk(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
        }
        hang.hold(exchange);
      },
    });
    const { types, error } = await withEndpoints([dying], async (own) =>
      eventsOf(await own.responses.create({ model: "tiny", input: "Hi", stream: true }), () => hang.cut()),
    );
    expect(types).toEqual(events.map(({ type }) => type));
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({
      error: { type: "error", code: "truncated", sequence_number: 3, param: null, source: "olla" },
    });
  });

  test("hears from the second endpoint when the first refuses the connection", async () => {
    await using second = new FakeUpstream({
      behave: chatOnly((exchange) => say(exchange, { content: "Here" })),
    });
    const first = new FakeUpstream();
    const response = await withEndpoints([first, second], async (own) => {
      await first[Symbol.asyncDispose]();
      return own.responses.create({ model: "tiny", input: "Hi" });
    });
    expect(response.output_text).toBe("Here");
  });
});

describe("an endpoint whose kind knows Responses", () => {
  test("is asked again in chat completions when its version does not, and that is remembered", async () => {
    await using old = new FakeUpstream({
      kind: "ollama",
      behave: chatOnly((exchange) => say(exchange, { content: "Old but fine" })),
    });
    await withEndpoints(
      [old],
      async (own) => {
        for (const _ of [1, 2]) {
          const response = await own.responses.create({ model: "tiny", input: "Hi", store: false });
          expect(response.output_text).toBe("Old but fine");
        }
      },
      "ollama",
    );
    expect(old.requests.map(({ target }) => target)).toEqual([
      "/v1/responses",
      "/v1/chat/completions",
      "/v1/chat/completions",
    ]);
  });

  test("but keeps none is asked in chat completions by a client that may go on from the answer", async () => {
    await using ollama = new FakeUpstream({
      kind: "ollama",
      behave: chatOnly((exchange) => say(exchange, { content: "Yes" })),
    });
    await withEndpoints(
      [ollama],
      async (own) => {
        const first = await own.responses.create({ model: "tiny", input: "One?" });
        await own.responses.create({ model: "tiny", input: "Two?", previous_response_id: first.id });
      },
      "ollama",
    );
    expect(ollama.requests.map(({ target }) => target)).toEqual([
      "/v1/chat/completions",
      "/v1/chat/completions",
    ]);
    expect(JSON.parse(ollama.requests.at(-1)?.text ?? "").messages).toEqual([
      { role: "user", content: "One?" },
      { role: "assistant", content: "Yes" },
      { role: "user", content: "Two?" },
    ]);
  });

  test("is asked in chat completions for what its own Responses can't do", async () => {
    await using ollama = new FakeUpstream({
      kind: "ollama",
      behave: chatOnly((exchange) =>
        say(exchange, {
          tool_calls: [{ id: "call_1", function: { name: "agents__spawn", arguments: "{}" } }],
        }),
      ),
    });
    const group: OpenAI.Responses.NamespaceTool = {
      type: "namespace",
      name: "agents",
      description: "",
      tools: [{ type: "function", name: "spawn" }],
    };
    const { output } = await withEndpoints(
      [ollama],
      (own) => own.responses.create({ model: "tiny", input: "Hi", tools: [group] }),
      "ollama",
    );
    expect(output).toMatchObject([{ type: "function_call", namespace: "agents", name: "spawn" }]);
    expect(ollama.requests.map(({ target }) => target)).toEqual(["/v1/chat/completions"]);
  });
});
