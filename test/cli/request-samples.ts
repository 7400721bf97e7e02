import type { DecisionTrace, RequestRow } from "../../src/observe/request-row.ts";

/** Rows as the API gives them, with the time as text. */
export type ApiRow = Omit<RequestRow, "time"> & { readonly time: string };

export function sampleRow(changes: Partial<ApiRow> = {}): ApiRow {
  return {
    id: "calm-otter-1f0c9a7be542",
    time: "2026-11-28T16:20:01.250Z",
    method: "POST",
    path: "/olla/openai/v1/chat/completions",
    route: "openai",
    dialect: "openai",
    stream: true,
    key: "ann",
    client: "127.0.0.1",
    model: "llama3.2:latest",
    endpoint: "gpu-box",
    backend_type: "vllm",
    status: 200,
    ending: "complete",
    attempts: 1,
    queue_ms: 0,
    ttft_ms: 412.5,
    duration_ms: 4210.4,
    input_tokens: 35,
    output_tokens: 210,
    tokens_per_sec: 52.4,
    request_bytes: 180,
    response_bytes: 5120,
    ...changes,
  };
}

/** Some minutes after all of them, on the same day in every time zone. */
export const sampleNow = Date.parse("2026-11-28T16:25:00Z");

/** One of each kind, newest first. */
export const sampleRows: readonly ApiRow[] = [
  sampleRow(),
  sampleRow({
    id: "swift-puma-0a1b2c3d4e5f",
    time: "2026-11-28T16:19:44.000Z",
    endpoint: "desk",
    attempts: 2,
    failed: "gpu-box: connect_refused",
    queue_ms: 1530.2,
    ttft_ms: 2400,
    duration_ms: 9800,
    input_tokens: 12_400,
    output_tokens: 850,
    tokens_per_sec: 8.75,
  }),
  failedRow("eager-ibex-99aabbccddee", {
    status: 502,
    ending: "upstream-error",
    error_code: "connect_refused",
    error: 'Endpoint "gpu-box" refused the connection',
    attempts: 2,
    duration_ms: 8.4,
  }),
  failedRow("idle-raven-777777777777", {
    status: 499,
    ending: "client-abort",
    error_code: "client_abort",
    error: "The client left",
    duration_ms: 31_400,
  }),
  rejectedRow(),
];

function failedRow(id: string, changes: Partial<ApiRow>): ApiRow {
  const {
    ttft_ms: _ttft,
    input_tokens: _in,
    output_tokens: _out,
    tokens_per_sec: _rate,
    ...rest
  } = sampleRow();
  return { ...rest, id, time: "2026-11-28T16:18:00.000Z", ...changes };
}

function rejectedRow(): ApiRow {
  const {
    endpoint: _endpoint,
    backend_type: _kind,
    ...rest
  } = failedRow("quick-gecko-123412341234", {
    status: 404,
    ending: "rejected",
    error_code: "model_not_found",
    error: 'No endpoint has a model "lama3"',
    model: "lama3",
    attempts: 0,
    duration_ms: 0.6,
  });
  return rest;
}

export const sampleTrace: DecisionTrace = {
  strategy: "alias",
  action: "routed",
  reason: "model found on 3 endpoints",
  sticky: "miss",
  candidates: [
    { endpoint: "gpu-box", model: "llama3.2:latest", skipped: undefined, rank: 0, health: "healthy" },
    { endpoint: "desk", model: "llama3.2:latest", skipped: undefined, rank: 1, health: "healthy" },
    { endpoint: "spare", model: "llama3.2:latest", skipped: undefined, rank: 2, health: "healthy" },
    { endpoint: "attic", model: "llama3.2:latest", skipped: undefined, rank: 3, health: "healthy" },
    { endpoint: "mac", model: undefined, skipped: "model_missing", rank: 0, health: "healthy" },
    { endpoint: "cellar", model: undefined, skipped: "not_healthy", rank: 0, health: "offline" },
  ],
  held_back: [{ endpoint: "attic", model: "llama3.2:latest", reason: "circuit_open", atMs: 1.2 }],
  attempts: [
    {
      endpoint: "gpu-box",
      model: "llama3.2:latest",
      durationMs: 520.3,
      status: undefined,
      error: "connect_timeout",
      startedMs: 2.1,
      message: 'Endpoint "gpu-box" did not answer the connection',
    },
    {
      endpoint: "desk",
      model: "llama3.2:latest",
      durationMs: 340,
      status: 200,
      error: undefined,
      startedMs: 2055,
      queuedMs: 1530.2,
    },
  ],
  timings: {
    body_ms: 0.4,
    inspected_ms: 0.9,
    routed_ms: 1.1,
    queue_ms: 1530.2,
    head_ms: 2395,
    ttft_ms: 2400,
    duration_ms: 9800,
  },
};

export const sampleTraced: ApiRow = {
  ...sampleRow({ alias: "fast", sticky: "miss" }),
  id: "swift-puma-0a1b2c3d4e5f",
  endpoint: "desk",
  attempts: 2,
  failed: "gpu-box: connect_timeout",
  queue_ms: 1530.2,
  ttft_ms: 2400,
  duration_ms: 9800,
  input_tokens: 12_400,
  cached_tokens: 11_000,
  output_tokens: 850,
  tokens_per_sec: 86.7,
};
