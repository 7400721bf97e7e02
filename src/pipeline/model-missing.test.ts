import { expect, test } from "bun:test";
import { loadRecording } from "../../test/support/wire-recording.ts";
import { isModelMissing } from "./failover-policy.ts";

const dialects = ["chat-completions", "messages", "responses"];
const servers: readonly (readonly [server: string, expected: readonly boolean[]])[] = [
  ["ollama-0.32.15", [true, true, true]],
  ["llama-server-b10488-router", [true, true, true]],
  // Answer with what they have, or do not know the path.
  ["llama-server-b10488", [false, false, false]],
  ["llama-cpp-python-0.3.36", [false, false, false]],
];

test.each(servers)("as %s answers a model it has not got", async (server, expected) => {
  const names = dialects.map((dialect) => `post-v1-${dialect}-missing-model`);
  const recordings = await Promise.all(names.map((name) => loadRecording(server, name)));
  expect(recordings.map(({ status, body }) => isModelMissing(status, body))).toEqual([...expected]);
});

test.each([...servers.map(([server]) => server), "llama-server-pypi-11434.0.0"])(
  "as %s answers a body that is no JSON, no model is missing",
  async (server) => {
    const { status, body } = await loadRecording(server, "post-v1-chat-completions-malformed");
    expect(isModelMissing(status, body)).toBe(false);
  },
);

test.each([
  ["Ollama's own API", 404, `{"error":"model 'nope' not found"}`],
  ["older Ollama", 404, `{"error":"model \\"nope\\" not found, try pulling it first"}`],
  [
    "vLLM",
    404,
    '{"error":{"message":"The model `nope` does not exist.","type":"NotFoundError","param":"model","code":404}}',
  ],
  [
    "older vLLM",
    404,
    '{"object":"error","message":"The model `/models/nope` does not exist.","type":"NotFoundError","param":null,"code":404}',
  ],
  ["OpenAI", 404, '{"error":{"message":"whatever","type":"invalid_request_error","code":"model_not_found"}}'],
  ["a code alone, under 400", 400, '{"error":{"message":"whatever","code":"model_not_found"}}'],
  [
    "LM Studio without a model",
    404,
    `{"error":{"message":"No models loaded. Please load a model in the developer page or use the 'lms load' command.","type":"invalid_request_error","param":"model","code":null}}`,
  ],
  ["Anthropic", 404, '{"type":"error","error":{"type":"not_found_error","message":"model: nope"}}'],
  ["FastAPI", 404, '{"detail":"Model nope is not available"}'],
  ["plain text", 404, "unknown model nope"],
])("%s", (_server, status, body) => {
  expect(isModelMissing(status, body)).toBe(true);
});

test.each([
  ["an unknown path", 404, '{"detail":"Not Found"}'],
  ["Ollama's unknown path", 404, "404 page not found"],
  ["an absent response to continue", 404, '{"error":{"message":"Response with id \'r\' not found."}}'],
  ["no body", 404, ""],
  ["a list", 404, "[1]"],
  ["an error that is null", 404, '{"error":null}'],
  ["a client's fault", 400, '{"error":{"message":"messages: field required"}}'],
  [
    "a client's fault that speaks of a model",
    400,
    '{"error":"this model does not support tools, unknown tool"}',
  ],
  ["a server's fault", 500, `{"error":"model 'nope' not found"}`],
  ["a success", 200, `{"error":"model 'nope' not found"}`],
])("not: %s", (_case, status, body) => {
  expect(isModelMissing(status, body)).toBe(false);
});
