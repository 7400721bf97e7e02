import { expect } from "bun:test";
import { FakeUpstream } from "./fake-upstream.ts";
import { OtlpReceiver, type ReceivedTrace } from "./otlp-receiver.ts";
import type { Behaviour } from "./socket-server.ts";
import { type RunningOlla, startOlla } from "./start-olla.ts";
import { waitUntil } from "./wait-until.ts";

export const clientTrace = "0af7651916cd43dd8448eb211c80319c";
export const clientSpan = "00f067aa0ba902b7";
export const clientParent = `00-${clientTrace}-${clientSpan}-01`;

/** Olla in front of two endpoints, telling a collector of every request. */
export interface Traced extends AsyncDisposable {
  readonly receiver: OtlpReceiver;
  /** Asked first. */
  readonly first: FakeUpstream;
  readonly second: FakeUpstream;
  readonly olla: RunningOlla;
}

export interface TracedSettings {
  readonly otlp?: Readonly<Record<string, unknown>>;
  readonly sections?: Readonly<Record<string, unknown>>;
  readonly proxy?: Readonly<Record<string, unknown>>;
  readonly endpoint?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly receiver?: OtlpReceiver;
}

export async function startTraced(behave?: Behaviour, settings: TracedSettings = {}): Promise<Traced> {
  await using started = new AsyncDisposableStack();
  const receiver = settings.receiver ?? started.use(new OtlpReceiver());
  const first = started.use(
    new FakeUpstream({ kind: "vllm", models: ["tiny", "only-first"], ...(behave && { behave }) }),
  );
  const second = started.use(new FakeUpstream({ kind: "vllm" }));
  const olla = started.use(
    await startOlla(
      {
        endpoints: [
          { name: "first", url: first.url, type: "vllm", priority: 200, ...settings.endpoint },
          { name: "second", url: second.url, type: "vllm", priority: 100 },
        ],
        proxy: { retry: { backoff: "0s" }, ...settings.proxy },
        sections: {
          telemetry: { otlp: { enabled: true, endpoint: receiver.url, ...settings.otlp } },
          ...settings.sections,
        },
      },
      undefined,
      { OTEL_BSP_SCHEDULE_DELAY: "10", ...settings.env },
    ),
  );
  const owned = started.move();
  return { receiver, first, second, olla, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly path?: string;
  readonly signal?: AbortSignal;
}

export function ask({ url }: RunningOlla, { headers, body, path, signal }: Asking = {}): Promise<Response> {
  return fetch(`${url}${path ?? "/olla/proxy/v1/chat/completions"}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "hi" }], ...body }),
    ...(signal && { signal }),
  });
}

export async function onlyTrace(
  { receiver }: Pick<Traced, "receiver">,
  attempts: number,
): Promise<ReceivedTrace> {
  const [trace] = await waitUntil(() => {
    const traces = receiver.traces();
    return traces[0]?.attempts.length === attempts && traces;
  });
  if (trace === undefined) throw new Error("no trace");
  expect(receiver.traces()).toHaveLength(1);
  return trace;
}

/** Every span lies within its parent, and all are of one trace. */
export function expectWellFormed({ request, attempts }: ReceivedTrace): void {
  const now = BigInt(Date.now()) * 1_000_000n;
  expect(request.endNano >= request.startNano).toBeTrue();
  expect(now - request.startNano < 60_000_000_000n && request.startNano < now).toBeTrue();
  for (const attempt of attempts) {
    expect(attempt.traceId).toBe(request.traceId);
    expect(attempt.startNano >= request.startNano && attempt.endNano >= attempt.startNano).toBeTrue();
    // Times are kept to the microsecond, each rounded by itself.
    expect(attempt.endNano <= request.endNano + 2000n).toBeTrue();
    expect(attempt.spanId).not.toBe(request.spanId);
  }
}

export function parentOf({ requests }: FakeUpstream, index = 0): string | undefined {
  return requests[index]?.header("traceparent");
}
