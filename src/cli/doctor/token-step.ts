import type { Endpoint } from "../../endpoints/endpoint.ts";
import { questionHeadersOf } from "../../endpoints/question-headers.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { classifyNetworkError } from "../../lib/network-error.ts";
import { readUntilContent } from "../../proxy/first-content.ts";
import { watchResponse } from "../../proxy/stream-watch.ts";
import { buildUpstreamUrl } from "../../proxy/upstream-url.ts";
import { formatMs } from "../figures.ts";
import { cureForRefusedKey } from "./refused-key.ts";
import type { ExaminationOptions, Patient, Step } from "./step.ts";

type Told = Pick<Step, "verdict" | "text" | "cure">;

/** Enough for models that think before they write. The answer is given up at its first token anyway. */
const maxTokens = 16;
const mostBodyBytes = 64 * 1024;

/** Asks for an answer as a stream, the way Olla itself would, and waits for its first token. */
export async function examineToken(
  { endpoint, credential }: Pick<Patient, "endpoint" | "credential">,
  model: string,
  options: ExaminationOptions,
): Promise<Step> {
  const { clock, tokenMs } = options;
  const startedAt = clock.now();
  const controller = new AbortController();
  const stopTimer = clock.after(tokenMs, () => controller.abort());
  const ask = (limit: Readonly<Record<string, number>>) =>
    send(endpoint, { model, limit }, options, controller.signal);
  let told: Told;
  try {
    const first = await ask({ max_tokens: maxTokens });
    // Newer models of OpenAI's refuse this name, older servers know no other.
    const response = first.status === 400 ? await ask({}) : first;
    told = await readAnswer(response, { endpoint, credential }, model);
  } catch (error) {
    told = describeFailure(error, controller.signal.aborted ? tokenMs : undefined);
  } finally {
    stopTimer();
    controller.abort();
  }
  return { name: "token", ...told, tookMs: clock.now() - startedAt };
}

function send(
  endpoint: Endpoint,
  { model, limit }: { readonly model: string; readonly limit: Readonly<Record<string, number>> },
  { version }: ExaminationOptions,
  signal: AbortSignal,
): Promise<Response> {
  const headers = new Headers({
    "content-type": "application/json",
    accept: "text/event-stream",
    "accept-encoding": "identity",
    "user-agent": `olla-Doctor/${version}`,
  });
  for (const [name, value] of questionHeadersOf(endpoint)) headers.set(name, value.reveal());
  const body = { model, stream: true, ...limit, messages: [{ role: "user", content: "Say hello." }] };
  return fetch(buildUpstreamUrl(endpoint, pathOf(endpoint), ""), {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    redirect: "manual",
    proxy: false,
    timeout: false,
    keepalive: false,
    ...(endpoint.tls && { tls: endpoint.tls }),
    signal,
  });
}

function pathOf({ profile: { anthropic } }: Endpoint): string {
  return anthropic?.isOnlyDialect === true ? anthropic.messagesPath : "/v1/chat/completions";
}

async function readAnswer(
  response: Response,
  patient: Pick<Patient, "endpoint" | "credential">,
  model: string,
): Promise<Told> {
  if (response.status !== 200)
    return describeStatus(response.status, await readText(response), patient, model);
  const path = pathOf(patient.endpoint);
  const watch = watchResponse(response, path);
  if (watch === undefined || response.body === null) return await describeWhole(response);
  const beginning = await readUntilContent(response.body.getReader(), watch);
  switch (beginning.kind) {
    case "content":
      return { verdict: "well", text: `the first of ${model} came as a stream` };
    case "error":
      return describeStatus(beginning.status ?? 200, beginning.message, patient, model);
    default:
      return {
        verdict: "wrong",
        text: `the stream of ${model} ended without a token`,
        cure: "its own log says why",
      };
  }
}

async function describeWhole(response: Response): Promise<Told> {
  const body = parseJson(await readText(response));
  if (isObject(body) && (Array.isArray(body.choices) || Array.isArray(body.content))) {
    return {
      verdict: "note",
      text: "the answer came whole, although a stream was asked for",
      cure: "clients see it only when it is complete; is there another proxy in between that collects it?",
    };
  }
  const type = response.headers.get("content-type") ?? "no content type";
  return {
    verdict: "wrong",
    text: `the answer is none of a model (${type})`,
    cure: "is this an inference server?",
  };
}

function describeStatus(
  status: number,
  body: string,
  { endpoint, credential }: Pick<Patient, "endpoint" | "credential">,
  model: string,
): Told {
  const words = messageIn(body);
  const said = words === "" ? "" : `: ${words}`;
  const text = status === 200 ? `it reports an error${said}` : `HTTP ${status} at ${pathOf(endpoint)}${said}`;
  if (status === 401 || status === 403)
    return { verdict: "wrong", text, cure: cureForRefusedKey({ credential }) };
  if (status === 404) {
    const path = endpoint.basePath === "" || endpoint.preservePath ? "" : pathAdvice(endpoint);
    const cure = `does it have ${model}, and this path?${path} --model asks another model`;
    return { verdict: "wrong", text, cure };
  }
  if (status === 429) return { verdict: "note", text, cure: "it has no room now: ask again later" };
  const cure = "that is what the server says: its own log may say more, and --model asks another model";
  return { verdict: "wrong", text, cure };
}

function pathAdvice({ basePath }: Endpoint): string {
  return ` ${basePath} of url is not put in front of requests unless preserve_path: true says so`;
}

/** Whole, since a credential in it is known by its whole. Most servers put their words into `error.message`, some into `error`, `message` or `detail`. */
function messageIn(body: string): string {
  const value = parseJson(body);
  if (!isObject(value)) return body.startsWith("<") ? "" : body.trim();
  const inner = isObject(value.error) ? value.error.message : value.error;
  const words = [inner, value.message, value.detail].find((each): each is string => typeof each === "string");
  return words ?? "";
}

async function readText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size > mostBodyBytes) break;
  }
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, mostBodyBytes));
}

function describeFailure(error: unknown, limitMs: number | undefined): Told {
  if (limitMs !== undefined) {
    return {
      verdict: "wrong",
      text: `no token within ${formatMs(limitMs)}`,
      cure: "it may still be loading the model: ask again, with a longer --timeout or a smaller --model",
    };
  }
  const failure = classifyNetworkError(error);
  // What has no code comes from no network.
  if (failure === "other" && !(error instanceof Error && "code" in error)) throw error;
  return {
    verdict: "wrong",
    text: `the connection was broken off (${failure})`,
    cure: "did the server crash, perhaps for want of memory? Its own log says",
  };
}
