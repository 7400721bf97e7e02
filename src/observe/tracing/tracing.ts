import type { OtlpSettings } from "../../config/otlp-settings.ts";
import type { Endpoint } from "../../endpoints/endpoint.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { OutcomeKinds } from "../outcome-kinds.ts";
import type { OutcomeSink } from "../recorder.ts";
import { createSpanEncoder } from "./encode-spans.ts";
import { createEnvelope } from "./envelope.ts";
import { createOtlpExport } from "./otlp-export.ts";
import { RequestTrace } from "./request-trace.ts";
import { createSampler } from "./sampler.ts";
import { schemaUrls } from "./span-names.ts";
import type { ServedAt } from "./span-parts.ts";
import { SpanQueue } from "./span-queue.ts";
import { parseTraceparent, randomFlag, readTracestate, sampledFlag } from "./trace-context.ts";
import { TraceIds } from "./trace-ids.ts";

export interface TracingOptions {
  readonly settings: OtlpSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly servedAt: ServedAt;
  readonly endpointOf: (name: string) => Endpoint | undefined;
  readonly kinds: OutcomeKinds;
  readonly random?: () => number;
}

/** Traces of the requests to models: where each belongs, and what it became. */
export interface Tracing {
  /**
   * Called when a request comes. Undefined for what is not traced: then nothing is told to endpoints but what the
   * client said itself.
   */
  readonly begin: BeginTrace;
  readonly record: OutcomeSink;
  /** Delivers what waits, for two seconds at most. */
  stop(): Promise<void>;
}

export type BeginTrace = (path: string, headers: Headers) => RequestTrace | undefined;

const longestStopMs = 2000;
const logEveryMs = 60_000;

export function createTracing(options: TracingOptions): Tracing {
  const { settings, clock, version, kinds } = options;
  const ids = new TraceIds();
  const losses = createLossLog(options);
  const sender = createOtlpExport({
    clock,
    url: settings.url,
    headers: settings.headers,
    version,
    timeoutMs: settings.timeoutMs,
    random: options.random ?? Math.random,
    onLost: losses.note,
  });
  const queue = new SpanQueue({
    clock,
    envelope: createEnvelope({
      resource: resourceOf(settings, version),
      version,
      schemaUrl: schemaUrls[settings.convention],
    }),
    maxBatchSpans: settings.maxBatchSpans,
    maxQueuedSpans: settings.maxQueuedSpans,
    delayMs: settings.delayMs,
    send: sender.send,
    onOverflow: (spans) => losses.note(spans, "too many wait"),
  });
  let isStopped = false;
  const encode = createSpanEncoder({ ...options, convention: settings.convention, ids });
  return {
    begin: createBegin(settings, ids),
    record(outcome) {
      const { trace, attempts } = outcome;
      if (trace?.isSampled !== true || isStopped) return;
      queue.add(1 + attempts.length, (writer) => encode({ outcome, kind: kinds.of(outcome), trace }, writer));
    },
    async stop() {
      sender.hurry();
      await withinTime(queue.flush(), clock);
      isStopped = true;
      const left = queue.discard();
      sender.abort();
      losses.finish(left);
    },
  };
}

function createBegin({ sampler }: OtlpSettings, ids: TraceIds): BeginTrace {
  const isRecorded = createSampler(sampler);
  return (path, headers) => {
    if (!isTraced(path)) return undefined;
    const parent = parseTraceparent(headers.get("traceparent"));
    const traceId = parent?.traceId ?? ids.traceId();
    const isSampled = isRecorded(traceId, parent);
    // Its caller's own words are the best ones where no span of ours will stand between.
    if (parent !== undefined && !isSampled && sampler.isParentBased) return undefined;
    const random = parent === undefined ? randomFlag : parent.flags & randomFlag;
    return new RequestTrace(
      {
        traceId,
        parentSpanId: parent?.spanId,
        flags: random | (isSampled ? sampledFlag : 0),
        tracestate: parent === undefined ? undefined : readTracestate(headers.get("tracestate")),
        isSampled,
      },
      ids,
    );
  };
}

/** What operators and monitors ask is no request to a model, and neither is what strangers try. */
function isTraced(path: string): boolean {
  return path.startsWith("/olla/") || path.startsWith("/v1/") || path.startsWith("/api/");
}

function resourceOf({ resource }: OtlpSettings, version: string): readonly (readonly [string, string])[] {
  const own: (readonly [string, string])[] = [
    ["service.version", version],
    ["service.instance.id", crypto.randomUUID()],
    ["process.runtime.name", "bun"],
    ["process.runtime.version", process.versions.bun ?? ""],
  ];
  const said = new Set(resource.map(([name]) => name));
  return [...resource, ...own.filter(([name]) => !said.has(name))];
}

/** Says that spans were lost, once a minute at most. */
function createLossLog({ clock, logger }: Pick<TracingOptions, "clock" | "logger">) {
  let lost = 0;
  let saidAt: number | undefined;
  let isFinished = false;
  const say = (reason: string) => {
    logger.warn("Traces were not delivered", { spans: lost, reason });
    lost = 0;
    saidAt = clock.now();
  };
  return {
    note(spans: number, reason: string) {
      // The try that the stop has cut is counted in what was left.
      if (isFinished) return;
      lost += spans;
      if (saidAt === undefined || clock.now() - saidAt >= logEveryMs) say(reason);
    },
    finish(left: number) {
      isFinished = true;
      lost += left;
      if (lost > 0) say("Olla stops");
    },
  };
}

async function withinTime(work: Promise<void>, clock: Clock): Promise<void> {
  let cancel: (() => void) | undefined;
  const timeUp = new Promise<void>((resolve) => {
    cancel = clock.after(longestStopMs, resolve);
  });
  await Promise.race([work, timeUp]);
  cancel?.();
}
