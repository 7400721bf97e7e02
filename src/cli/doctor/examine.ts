import type { Endpoint } from "../../endpoints/endpoint.ts";
import { harmless } from "../safe-text.ts";
import { examineCertificate } from "./certificate-step.ts";
import { examineKind } from "./kind-step.ts";
import { chooseModel, examineHealth, examineModels } from "./models-step.ts";
import { examineConnection, examineName } from "./reach.ts";
import type { ExaminationOptions, Patient, Step } from "./step.ts";
import { examineToken } from "./token-step.ts";

/** Everything there is to say of one endpoint. */
export interface EndpointReport {
  readonly name: string;
  /** Without credentials. */
  readonly url: string;
  /** The kind that it was taken for. */
  readonly type: string;
  readonly isWell: boolean;
  readonly steps: readonly Step[];
}

/** Looks at one thing after the other, and no further than where the way ends. Rejects for nothing that an endpoint does. */
export async function examine(patient: Patient, options: ExaminationOptions): Promise<EndpointReport> {
  const steps: Step[] = [];
  const endpoint = await goThrough(patient, options, (step) => {
    steps.push(fitToPrint(step, patient.endpoint));
    return step.verdict !== "wrong";
  });
  return {
    name: endpoint.name,
    url: endpoint.url,
    type: endpoint.isAutoDetected ? "auto" : endpoint.profile.name,
    isWell: steps.every(({ verdict }) => verdict !== "wrong"),
    steps,
  };
}

/** @param add tells whether to go on @returns the endpoint, with its kind if that was found */
async function goThrough(
  patient: Patient,
  options: ExaminationOptions,
  add: (step: Step) => boolean,
): Promise<Endpoint> {
  for (const look of [examineName, examineConnection, examineCertificate]) {
    const step = await look(patient, options);
    if (step !== undefined && !add(step)) return patient.endpoint;
  }
  const { step, endpoint, models } = await examineKind(patient, options);
  add(step);
  if (models === undefined) return endpoint;
  const known = { endpoint, credential: patient.credential };
  add(await examineHealth(known, options));
  const hasModels = add(examineModels(endpoint, models));
  if (!options.isGenerating || !hasModels) return endpoint;
  const chosen = chooseModel(endpoint, models, options.model);
  add("model" in chosen ? await examineToken(known, chosen.model, options) : { name: "token", ...chosen });
  return endpoint;
}

/** Servers say what they like: what they say of a key may quote it, and what they say may be orders to a terminal. */
function fitToPrint(step: Step, { requestHeaders }: Endpoint): Step {
  const secrets = requestHeaders.flatMap(([, value]) => {
    const [scheme = "", rest = ""] = value.reveal().split(/ (.*)/s, 2);
    const inBasic = scheme === "Basic" ? Buffer.from(rest, "base64").toString().split(":") : [];
    return [value.reveal(), rest, ...inBasic];
  });
  // The longest first, so that none leaves a part of another behind.
  const hidden = secrets
    .filter(({ length }) => length > 3)
    .toSorted((left, right) => right.length - left.length);
  const clean = (text: string) =>
    harmless(hidden.reduce((rest, secret) => rest.replaceAll(secret, "***"), text));
  return { ...step, text: clean(step.text), ...(step.cure !== undefined && { cure: clean(step.cure) }) };
}
