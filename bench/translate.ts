// What a chunk of a stream costs inside this process: looked at as it passes, against translated for a Messages client.
//   bun bench/translate.ts
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtinProfiles } from "../src/profiles/builtin.ts";
import { createStreamWatch } from "../src/proxy/stream-watch.ts";
import { createAnthropicApi } from "../src/translate/anthropic/anthropic-api.ts";
import { spawnOlla, startUpstream, stopChild, untilTrue } from "./peers.ts";
import { startCpuClock } from "./process-usage.ts";
import { chunkCount } from "./workload.ts";

const rounds = 9;
const streamsPerRound = 4000;

const encoder = new TextEncoder();

function chunkOf(delta: object, more: object = {}): Uint8Array {
  const chunk = {
    id: "chatcmpl-437f3b5a688c4fbd83909b3a7c7e0f1a",
    object: "chat.completion.chunk",
    created: 1795207903,
    model: "Qwen/Qwen2.5-7B-Instruct",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...more }],
  };
  return encoder.encode(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** 50 chunks of a content, then the end as vLLM writes it. */
function streamOf(deltaAt: (index: number) => object): readonly Uint8Array[] {
  const content = Array.from({ length: chunkCount }, (_, index) => chunkOf(deltaAt(index)));
  const end = chunkOf({}, { finish_reason: "stop" });
  return [chunkOf({ role: "assistant", content: "" }), ...content, end, encoder.encode("data: [DONE]\n\n")];
}

const streams: readonly (readonly [name: string, chunks: readonly Uint8Array[]])[] = [
  ["text", streamOf((index) => ({ content: ` word${index}` }))],
  [
    "tool arguments",
    streamOf((index) =>
      index === 0
        ? {
            tool_calls: [
              { index: 0, id: "call_1", type: "function", function: { name: "run", arguments: "{" } },
            ],
          }
        : { tool_calls: [{ index: 0, function: { arguments: ` "k${index}":` } }] },
    ),
  ],
];

const profile = builtinProfiles().find(({ name }) => name === "vllm");
if (profile === undefined) throw new Error("there is no profile for vLLM");
const target = { profile, model: "Qwen/Qwen2.5-7B-Instruct", defaults: undefined };
const request = { model: "m", max_tokens: 100, stream: true, messages: [{ role: "user", content: "Hello" }] };
const translation = createAnthropicApi({ isPassthroughOn: false }).translate({
  body: encoder.encode(JSON.stringify(request)),
  requestId: "req-1",
});

function watchStream(chunks: readonly Uint8Array[]): number {
  const watch = createStreamWatch({
    status: 200,
    contentType: "text/event-stream",
    contentEncoding: null,
    path: "/v1/chat/completions",
  });
  for (const chunk of chunks) watch?.push(chunk);
  watch?.end();
  return watch?.eventCount ?? 0;
}

/** The watch is there, too: it decides on failover and on how the stream ended. */
function translateStream(chunks: readonly Uint8Array[]): number {
  let bytes = watchStream(chunks);
  const stream = translation.openStream(target);
  for (const chunk of chunks) bytes += stream.push(chunk)?.length ?? 0;
  return bytes + (stream.end()?.length ?? 0);
}

/** Microseconds of processor time for one chunk: the median of the rounds, of which the first two warm up. */
function measure(run: (chunks: readonly Uint8Array[]) => number, chunks: readonly Uint8Array[]): number {
  const costs: number[] = [];
  let sink = 0;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    for (let count = 0; count < streamsPerRound; count += 1) sink += run(chunks);
    const { user, system } = process.cpuUsage(before);
    if (round >= 2) costs.push((user + system) / (streamsPerRound * chunks.length));
  }
  if (sink === 0) throw new Error("nothing was done");
  return median(costs);
}

function median(values: readonly number[]): number {
  return values.toSorted((first, second) => first - second)[Math.floor(values.length / 2)] ?? Number.NaN;
}

console.log("µs of CPU per chunk      watched  translated");
for (const [name, chunks] of streams) {
  const [watched, translated] = [measure(watchStream, chunks), measure(translateStream, chunks)];
  console.log(`${name.padEnd(22)} ${watched.toFixed(2).padStart(9)} ${translated.toFixed(2).padStart(11)}`);
}

/** The whole way, sockets included: Olla as a process of its own, and its processor time for one chunk on each route. */
async function measureOlla(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "olla-bench-"));
  const upstream = await startUpstream();
  const { child, port } = await spawnOlla(folder, "olla", [`http://127.0.0.1:${upstream.port}`], {
    command: [process.execPath, join(import.meta.dir, "../src/main.ts")],
    config: { translators: { anthropic: { passthrough_enabled: false } } },
  });
  try {
    const base = `http://127.0.0.1:${port}/olla`;
    await untilTrue(async () => {
      const answer = await fetch(`${base}/proxy/v1/models`).catch(() => undefined);
      return answer?.ok === true && (await answer.text()).includes('"bench"');
    }, "olla has found the model");
    const body = JSON.stringify({ ...request, model: "bench" });
    const ask = async (path: string): Promise<void> => {
      const answer = await fetch(`${base}${path}`, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json" },
      });
      const text = await answer.text();
      if (!answer.ok || !text.includes(`word ${chunkCount - 1}`))
        throw new Error(`${path} answered ${answer.status}: ${text}`);
    };
    const costs = { passed: [] as number[], translated: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      for (const [way, path] of [
        ["passed", "/proxy/v1/chat/completions"],
        ["translated", "/anthropic/v1/messages"],
      ] as const) {
        const cpuSeconds = startCpuClock(child.pid);
        await Promise.all(Array.from({ length: 200 }, () => ask(path)));
        if (round >= 2) costs[way].push((cpuSeconds() * 1e6) / (200 * chunkCount));
      }
    }
    const [passed, translated] = [median(costs.passed), median(costs.translated)];
    console.log(
      `\nthrough Olla, µs of CPU per chunk: passed on ${passed.toFixed(1)}, translated ${translated.toFixed(1)}, ratio ${(translated / passed).toFixed(2)}`,
    );
  } finally {
    await stopChild(child);
    await upstream.stop();
    await rm(folder, { recursive: true });
  }
}

await measureOlla();
