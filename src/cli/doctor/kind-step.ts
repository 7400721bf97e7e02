import type { Endpoint } from "../../endpoints/endpoint.ts";
import { questionHeadersOf } from "../../endpoints/question-headers.ts";
import { type DetectedKind, detectKind } from "../../models/detect-kind.ts";
import { discoveryHeaders, ModelFetchError } from "../../models/fetch-model-list.ts";
import { ModelListError } from "../../models/list-parsers/model-list-error.ts";
import type { Model } from "../../models/model.ts";
import { readEndpointList } from "../../models/read-endpoint-list.ts";
import type { Profile } from "../../profiles/profile.ts";
import { fallbackProfileName } from "../../profiles/profile-set.ts";
import { speaksTls } from "./certificate-step.ts";
import { cureForRefusedKey } from "./refused-key.ts";
import type { ExaminationOptions, Patient, Step } from "./step.ts";
import { askVersion } from "./version.ts";

export interface KindExamination {
  readonly step: Step;
  /** As it is used once its kind is known. */
  readonly endpoint: Endpoint;
  /** `undefined` where no list could be read. */
  readonly models: readonly Model[] | undefined;
}

/** What answers at the address, and whether it is what the configuration says. */
export async function examineKind(patient: Patient, options: ExaminationOptions): Promise<KindExamination> {
  const { endpoint } = patient;
  const startedAt = options.clock.now();
  const took = () => ({ tookMs: options.clock.now() - startedAt });
  const isAuto = endpoint.isAutoDetected;
  const found = await readList(endpoint, options, true);
  if (isAuto && !(found instanceof Error)) {
    const known = patient.withKind(endpoint, found.profile);
    const version = await askVersion(known, options);
    const text = `${found.profile.displayName}${version === undefined ? "" : ` ${version}`}`;
    return {
      step: { name: "kind", verdict: "well", text, ...took() },
      endpoint: known,
      models: found.models,
    };
  }
  const own = isAuto ? found : await readList(endpoint, options, false);
  if (own instanceof Error) {
    const described = await describeNoList(own, found, patient, options);
    return { step: { name: "kind", verdict: "wrong", ...described, ...took() }, endpoint, models: undefined };
  }
  const judged = compareKinds(endpoint.profile, found instanceof Error ? undefined : found.profile);
  const version = await askVersion(endpoint, options);
  const text = `${judged.text}${version === undefined || judged.verdict === "wrong" ? "" : ` ${version}`}`;
  return { step: { name: "kind", ...judged, text, ...took() }, endpoint, models: own.models };
}

/** As the kind that the configuration says, or as whatever it is found to be. */
async function readList(
  endpoint: Endpoint,
  { profiles, clock, version, stepMs }: ExaminationOptions,
  mustDetect: boolean,
): Promise<DetectedKind | ModelFetchError | ModelListError> {
  try {
    return await readEndpointList(endpoint, {
      profiles,
      isAuto: mustDetect,
      mustDetect,
      timeoutMs: stepMs,
      retryAttempts: 1,
      retryBackoffMs: 0,
      clock,
      version,
      signal: new AbortController().signal,
    });
  } catch (error) {
    if (error instanceof ModelFetchError || error instanceof ModelListError) return error;
    throw error;
  }
}

/** Both could be read as a list; the question is whether the programs are the same. */
function compareKinds(said: Profile, found: Profile | undefined): Pick<Step, "verdict" | "text" | "cure"> {
  const isMarked = found !== undefined && found.name !== fallbackProfileName;
  if (!isMarked || found.name === said.name) return { verdict: "well", text: said.displayName };
  if (said.name === fallbackProfileName) {
    return {
      verdict: "note",
      text: `${found.displayName}, as any OpenAI-compatible server`,
      cure: `type: ${found.name} would let Olla use its own paths, too`,
    };
  }
  return { verdict: "wrong", ...describeOtherKind(said, found) };
}

function describeOtherKind(said: Profile, found: Profile): Pick<Step, "text" | "cure"> {
  const text =
    found.name === fallbackProfileName
      ? `it answers as any OpenAI-compatible server does, but not as ${said.displayName}`
      : `this is ${found.displayName}, but type says ${said.name}`;
  return { text, cure: `write type: ${found.name}, or auto` };
}

async function describeNoList(
  error: Error,
  found: DetectedKind | Error,
  patient: Patient,
  options: ExaminationOptions,
): Promise<Pick<Step, "text" | "cure">> {
  const { endpoint } = patient;
  const path = new URL(endpoint.modelsUrl).pathname;
  if (!(found instanceof Error)) {
    return describeOtherKind(endpoint.profile, found.profile);
  }
  if (error instanceof ModelListError) {
    return {
      text: `something answers at ${path}, but with no model list that Olla knows`,
      cure: await cureForPath(endpoint, options),
    };
  }
  const { status, fault } = error as ModelFetchError;
  if (status === 401 || status === 403) {
    return { text: `it answers HTTP ${status}: ${refusal(patient)}`, cure: cureForRefusedKey(patient) };
  }
  if (status === 404 || status === 405) {
    return {
      text: `HTTP ${status} at ${path}: there is no model list`,
      cure: await cureForPath(endpoint, options),
    };
  }
  if (fault === "redirect") {
    return {
      text: `it sends whoever asks elsewhere (HTTP ${status})`,
      cure: "write the address that it sends to in url",
    };
  }
  if (fault === "server-status") {
    return { text: `it answers HTTP ${status} at ${path}`, cure: "its own log says why" };
  }
  if (fault === "timeout") {
    return {
      text: `no answer at ${path} in time, although the port is open`,
      cure: "it may be busy or stuck: its own log says more",
    };
  }
  if (endpoint.origin.startsWith("http:") && (await speaksTls(patient, options))) {
    return {
      text: "what answers there speaks https",
      cure: `write url: ${endpoint.url.replace(/^http:/i, "https:")}`,
    };
  }
  return { text: error.message, cure: "is it an inference server, and is this its port?" };
}

function refusal({ credential }: Patient): string {
  return credential === undefined ? "it wants a key" : "it refuses the key";
}

/** Nothing is where it should be: perhaps because of what stands behind host and port. */
async function cureForPath(endpoint: Endpoint, options: ExaminationOptions): Promise<string> {
  const { origin, basePath, hasOwnModelsUrl } = endpoint;
  if (hasOwnModelsUrl) return "correct model_url, or leave it out: then the profile says where the list is";
  if (/\/v1\/(?:.*\/)?v1(?:\/|$)/.test(basePath)) {
    return `/v1 stands twice in url: write ${origin}${basePath.replace(/\/v1\/(?:.*\/)?v1/, "/v1")}`;
  }
  const usual = "is this an inference server? type, model_url or a profile of your own say where its list is";
  if (basePath === "") return usual;
  const { clock, version, stepMs, profiles } = options;
  try {
    const found = await detectKind(origin, {
      headers: discoveryHeaders(version, questionHeadersOf(endpoint)),
      timeoutMs: stepMs,
      tls: endpoint.tls,
      clock,
      profiles: profiles.all,
    });
    if (found !== undefined)
      return `without ${basePath} it answers as ${found.profile.displayName}: write url: ${origin}`;
  } catch (error) {
    if (!(error instanceof ModelFetchError)) throw error;
  }
  return `is ${basePath} in url right? ${usual}`;
}
