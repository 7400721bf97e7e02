import type { Endpoint } from "../../endpoints/endpoint.ts";
import { createProbe } from "../../endpoints/probe.ts";
import { nearestNames } from "../../lib/nearest.ts";
import type { Model } from "../../models/model.ts";
import { formatAmount } from "../figures.ts";
import { cureForRefusedKey } from "./refused-key.ts";
import type { ExaminationOptions, Patient, Step } from "./step.ts";

/** The health check that a running Olla makes, judged as it judges it. */
export async function examineHealth(
  { endpoint, credential }: Pick<Patient, "endpoint" | "credential">,
  { version, clock }: ExaminationOptions,
): Promise<Step> {
  const probe = createProbe({ version, clock });
  const result = await probe(endpoint, new AbortController().signal);
  const path = new URL(endpoint.healthUrl).pathname;
  const took = { tookMs: result.latencyMs };
  const answer =
    result.httpStatus === undefined ? `no answer (${result.failure})` : `HTTP ${result.httpStatus}`;
  const text = `${answer} at ${path}`;
  switch (result.status) {
    case "healthy":
      return { name: "health", verdict: "well", text, ...took };
    case "busy":
      return { name: "health", verdict: "note", text: `${text}, slowly`, cure: "it has much to do", ...took };
    case "rate_limited":
      return {
        name: "health",
        verdict: "note",
        text,
        cure: "it wants to be asked less often: raise check_interval",
        ...took,
      };
    case "config_error":
      return { name: "health", verdict: "wrong", text, cure: cureForRefusedKey({ credential }), ...took };
    default: {
      const late = `it takes longer than check_timeout (${endpoint.checkTimeoutMs} ms)`;
      const cure =
        result.failure === "timeout"
          ? `${late}: raise that, or look why it is slow`
          : "Olla would not send it anything: health_check_url says what is asked for; its own log may say more";
      return { name: "health", verdict: "wrong", text, cure, ...took };
    }
  }
}

const mostShown = 5;

/** What of its list may be used. */
export function examineModels(endpoint: Endpoint, models: readonly Model[]): Step {
  const usable = models.filter(({ name }) => endpoint.admitsModel(name));
  if (usable.length > 0) {
    const names = usable.slice(0, mostShown).map(({ name }) => name);
    const more = usable.length > mostShown ? ", …" : "";
    const text = `${formatAmount(usable.length, "model")}: ${names.join(", ")}${more}`;
    return { name: "models", verdict: "well", text };
  }
  if (models.length > 0) {
    return {
      name: "models",
      verdict: "wrong",
      text: `model_filter leaves out all ${models.length} models`,
      cure: `its patterns are for names such as ${models[0]?.name ?? ""}`,
    };
  }
  return {
    name: "models",
    verdict: "wrong",
    text: "it has no model",
    cure: cureForNoModel(endpoint.profile.name),
  };
}

function cureForNoModel(kind: string): string {
  if (kind === "ollama") return "fetch one there, such as `ollama pull llama3.2`";
  if (kind === "lm-studio") return "download one in LM Studio, or with `lms get`";
  return "start the server with a model";
}

/** The model of which a token is asked, or why there is none. */
export function chooseModel(
  endpoint: Endpoint,
  models: readonly Model[],
  wanted: string | undefined,
): { readonly model: string } | Pick<Step, "verdict" | "text" | "cure"> {
  const usable = models.filter(({ name }) => endpoint.admitsModel(name));
  if (wanted !== undefined) {
    const found = usable.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
    if (found !== undefined) return { model: found.name };
    const nearest = nearestNames(
      wanted,
      usable.map(({ name }) => name),
      1,
    )[0];
    const hint = nearest === undefined ? undefined : `it has ${nearest}`;
    return { verdict: "wrong", text: `it does not have the model ${wanted}`, cure: hint };
  }
  const writers = usable.filter(canWrite);
  // One that is in memory answers at once; of the others the smallest is there soonest.
  const [first] = writers.toSorted(
    (left, right) => Number(isLoaded(right)) - Number(isLoaded(left)) || sizeOf(left) - sizeOf(right),
  );
  if (first !== undefined) return { model: first.name };
  return { verdict: "note", text: "none of its models writes text: no token asked for" };
}

/** What lists mostly do not say, and names do: vectors, ranks, sounds, pictures, and models before there were chats. */
const otherWork =
  /embed|rerank|whisper|tts|audio|realtime|transcribe|dall-e|image|sora|moderation|babbage|davinci/i;

function canWrite({ name, type }: Model): boolean {
  return type !== "embeddings" && !otherWork.test(name);
}

function isLoaded({ state }: Model): boolean {
  return state === "loaded";
}

function sizeOf({ sizeBytes, parameterSize }: Model): number {
  const billions = Number.parseFloat(parameterSize ?? "");
  return sizeBytes ?? (Number.isNaN(billions) ? Number.MAX_SAFE_INTEGER : billions * 1e9);
}
