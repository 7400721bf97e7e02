import { Secret } from "../lib/secret.ts";
import type { Environment } from "./environment.ts";
import { type ConfigProblem, describeSecret, describeValue, type KeyPath } from "./problem.ts";

/** Where traces go, from `telemetry.otlp` and the variables that every program with OpenTelemetry knows. */
export interface OtlpSettings {
  /** Takes the POSTs. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: Secret])[];
  /** `ratio`: share of traces; `isParentBased`: what a caller has decided counts more. */
  readonly sampler: { readonly ratio: number; readonly isParentBased: boolean };
  /** `service.name` first. */
  readonly resource: readonly (readonly [name: string, value: string])[];
  readonly convention: "v1.41" | "latest";
  readonly timeoutMs: number;
  readonly delayMs: number;
  readonly maxBatchSpans: number;
  readonly maxQueuedSpans: number;
}

/** What the schema made of `telemetry.otlp`. */
export interface OtlpSection {
  readonly enabled: boolean;
  readonly endpoint?: string | undefined;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly sample_ratio: number;
}

export interface OtlpSources {
  readonly env: Environment;
  /** Whether the file or a variable of Olla's sets `telemetry.otlp.<key>`; then that counts, and no `OTEL_…`. */
  readonly isSet: (key: keyof OtlpSection) => boolean;
  readonly report: (path: KeyPath, message: string) => void;
  readonly add: (problem: ConfigProblem) => void;
}

const tracesPath = "/v1/traces";
const usualUrl = "http://localhost:4318";
const longestMs = 2 ** 31 - 1;

/** Variables whose wish is not granted, with what happens instead. */
const unheard: readonly (readonly [variable: RegExp, message: string])[] = [
  [
    /^OTEL_EXPORTER_OTLP_(TRACES_)?(CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE)$/,
    "is not read; a collector with a private authority is trusted through NODE_EXTRA_CA_CERTS",
  ],
];

/**
 * Undefined where nothing is to be traced: then no variable is looked at, so that those of other programs make no noise.
 * A bad address is an error; whatever else a variable says wrongly is a warning, and its default counts, as OpenTelemetry
 * wants it.
 */
export function readOtlpSettings(section: OtlpSection, sources: OtlpSources): OtlpSettings | undefined {
  if (!section.enabled) return undefined;
  const env = new OtelEnvironment(sources);
  if (env.truth("OTEL_SDK_DISABLED")) {
    env.warn("OTEL_SDK_DISABLED", "switches traces off although telemetry.otlp.enabled asks for them");
    return undefined;
  }
  env.warnOfUnheard();
  const maxQueuedSpans = env.count("OTEL_BSP_MAX_QUEUE_SIZE", 2048);
  return {
    url: readUrl(section, sources, env),
    headers: readHeaders(section, sources, env),
    sampler: sources.isSet("sample_ratio")
      ? { ratio: section.sample_ratio, isParentBased: true }
      : readSampler(env),
    resource: readResource(env),
    convention: env.list("OTEL_SEMCONV_STABILITY_OPT_IN").includes("gen_ai_latest_experimental")
      ? "latest"
      : "v1.41",
    timeoutMs: env.count(
      env.firstSet("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"),
      10_000,
    ),
    delayMs: env.count("OTEL_BSP_SCHEDULE_DELAY", 5000),
    maxBatchSpans: Math.min(maxQueuedSpans, env.count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)),
    maxQueuedSpans,
  };
}

/** What is wrong with the address of a collector. Never repeats one that may hold a credential. */
export function describeCollectorFault(text: string): string | undefined {
  const wanted = `expected a URL such as ${usualUrl}`;
  const url = URL.parse(text.trim());
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return `${wanted}, got ${text.includes("@") ? describeSecret(text) : describeValue(text.replace(/[?#].*$/s, ""))}`;
  }
  if (url.username !== "" || url.password !== "") {
    return `${wanted} without user name and password; put credentials into telemetry.otlp.headers`;
  }
  return undefined;
}

function readUrl({ endpoint }: OtlpSection, { isSet }: OtlpSources, env: OtelEnvironment): string {
  if (endpoint !== undefined && isSet("endpoint")) return withTracesPath(endpoint);
  const whole = env.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const name = whole === "" ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const text = env.text(name);
  if (text === "") return usualUrl + tracesPath;
  const fault = describeCollectorFault(text);
  if (fault !== undefined) env.complain(name, fault);
  return whole === "" ? appendTracesPath(text) : text;
}

/** A key of ours that names the whole place is understood as well. */
function withTracesPath(text: string): string {
  const url = URL.parse(text.trim());
  return url?.pathname.endsWith(tracesPath) === true ? url.href : appendTracesPath(text);
}

function appendTracesPath(text: string): string {
  const url = URL.parse(text.trim());
  if (url === null) return text;
  url.pathname = url.pathname.replace(/\/*$/, tracesPath);
  return url.href;
}

function readHeaders({ headers }: OtlpSection, { isSet, report }: OtlpSources, env: OtelEnvironment) {
  if (isSet("headers")) {
    return Object.entries(headers).filter(([name, value]) => {
      const fault = describeHeaderFault(name, value.reveal());
      if (fault !== undefined) report(["telemetry", "otlp", "headers", name], fault);
      return fault === undefined;
    });
  }
  const variable = env.firstSet("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS");
  return env
    .pairs(variable, describeHeaderFault)
    .map(([name, value]): readonly [string, Secret] => [name, new Secret(value)]);
}

/** Does not repeat the value: it is a credential. */
function describeHeaderFault(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return "expected the name of a header";
  if (!/^[\x20-\x7e\t]*$/.test(value)) return "expected a value of printable ASCII characters";
  return undefined;
}

const samplers: Readonly<Record<string, { readonly isParentBased: boolean; readonly ratio?: number }>> = {
  always_on: { isParentBased: false, ratio: 1 },
  always_off: { isParentBased: false, ratio: 0 },
  traceidratio: { isParentBased: false },
  parentbased_always_on: { isParentBased: true, ratio: 1 },
  parentbased_always_off: { isParentBased: true, ratio: 0 },
  parentbased_traceidratio: { isParentBased: true },
};

function readSampler(env: OtelEnvironment): OtlpSettings["sampler"] {
  const usual = { isParentBased: true, ratio: 1 };
  const name = env.text("OTEL_TRACES_SAMPLER");
  if (name === "") return usual;
  const sampler = Object.hasOwn(samplers, name) ? samplers[name] : undefined;
  if (sampler === undefined) {
    const known = Object.keys(samplers).join(", ");
    env.warn("OTEL_TRACES_SAMPLER", `expected one of ${known}, got ${describeValue(name)}; all are traced`);
    return usual;
  }
  const { isParentBased, ratio } = sampler;
  return { isParentBased, ratio: ratio ?? env.ratio("OTEL_TRACES_SAMPLER_ARG") };
}

function readResource(env: OtelEnvironment): OtlpSettings["resource"] {
  const attributes = new Map(
    env.pairs("OTEL_RESOURCE_ATTRIBUTES", (name) => (name === "" ? "expected a name" : undefined)),
  );
  const name = env.text("OTEL_SERVICE_NAME") || attributes.get("service.name") || "olla";
  attributes.delete("service.name");
  return [["service.name", name], ...attributes];
}

/** `OTEL_…` variables, read as OpenTelemetry defines them. An empty one is an unset one. */
class OtelEnvironment {
  readonly #env: Environment;
  readonly #add: OtlpSources["add"];

  constructor({ env, add }: OtlpSources) {
    this.#env = env;
    this.#add = add;
  }

  text(name: string): string {
    return (this.#env[name] ?? "").trim();
  }

  /** The first of these that is set, else the last. */
  firstSet(first: string, second: string): string {
    return this.text(first) === "" ? second : first;
  }

  truth(name: string): boolean {
    return this.text(name).toLowerCase() === "true";
  }

  list(name: string): string[] {
    return this.text(name)
      .split(",")
      .map((item) => item.trim());
  }

  /** Above 0. */
  count(name: string, initial: number): number {
    const text = this.text(name);
    if (text === "") return initial;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value > 0 && value <= longestMs) return value;
    this.warn(name, `expected a whole number above 0, got ${describeValue(text)}; ${initial} counts`);
    return initial;
  }

  ratio(name: string): number {
    const text = this.text(name);
    const value = text === "" ? 1 : Number(text);
    if (value >= 0 && value <= 1) return value;
    this.warn(name, `expected a number from 0 to 1, got ${describeValue(text)}; all are traced`);
    return 1;
  }

  /** `name=value,…`, percent-encoded. One that is wrong makes the whole variable count for nothing. */
  pairs(name: string, faultOf: (name: string, value: string) => string | undefined): [string, string][] {
    const pairs: [string, string][] = [];
    for (const item of this.list(name)) {
      if (item === "") continue;
      const at = item.indexOf("=");
      const key = at < 0 ? undefined : decode(item.slice(0, at).trim());
      const value = at < 0 ? undefined : decode(item.slice(at + 1).trim());
      const isRead = key !== undefined && value !== undefined;
      const fault = isRead ? faultOf(key, value) : "expected name=value pairs, percent-encoded";
      if (!isRead || fault !== undefined) {
        // The text may be a credential.
        this.warn(name, `${fault}; the variable counts for nothing`);
        return [];
      }
      pairs.push([key, value]);
    }
    return pairs;
  }

  warnOfUnheard(): void {
    const protocol = this.firstSet("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
    this.#expect(protocol, "http/protobuf");
    const compression = this.firstSet(
      "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
      "OTEL_EXPORTER_OTLP_COMPRESSION",
    );
    this.#expect(compression, "none");
    this.#expect("OTEL_TRACES_EXPORTER", "otlp");
    for (const name of Object.keys(this.#env)) {
      const message = unheard.find(([pattern]) => pattern.test(name))?.[1];
      if (message !== undefined && this.text(name) !== "") this.warn(name, message);
    }
  }

  #expect(name: string, only: string): void {
    const text = this.text(name);
    if (text !== "" && text !== only)
      this.warn(name, `Olla knows only ${only}, got ${describeValue(text)}; it is used all the same`);
  }

  warn(variable: string, message: string): void {
    this.#add({ severity: "warning", kind: "advice", variable, path: "", message });
  }

  complain(variable: string, message: string): void {
    this.#add({ severity: "error", kind: "value", variable, path: "", message });
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // A `%` that begins no code.
    return undefined;
  }
}
