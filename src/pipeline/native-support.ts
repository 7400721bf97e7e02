import type { Clock } from "../lib/clock.ts";
import { isObject, parseJson } from "../lib/json.ts";
import type { ClientApi, ClientApiName } from "../translate/client-api.ts";
import { filledText } from "../translate/wire.ts";

const rememberedMs = 10 * 60_000;

/**
 * Which endpoints answer a client's API themselves. The kind says it; an older version may have nothing at that path,
 * and is asked again only after ten minutes.
 */
export class NativeSupport {
  readonly #clock: Clock;
  /** Monotonic times until which an endpoint is known not to. */
  readonly #withoutUntil = new Map<string, Map<ClientApiName, number>>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** Whether nothing is known but what the kinds say. */
  get knowsKindsOnly(): boolean {
    return this.#withoutUntil.size === 0;
  }

  /** Whether an endpoint has turned out not to, whatever its kind says. */
  isMissingAt(endpointName: string, api: ClientApi): boolean {
    if (this.knowsKindsOnly) return false;
    const until = this.#withoutUntil.get(endpointName)?.get(api.name);
    return until !== undefined && until > this.#clock.now();
  }

  /** The endpoint has nothing at its native path. */
  noteMissing(endpointName: string, api: ClientApi): void {
    const known = this.#withoutUntil.get(endpointName) ?? new Map<ClientApiName, number>();
    known.set(api.name, this.#clock.now() + rememberedMs);
    this.#withoutUntil.set(endpointName, known);
  }

  /** For an endpoint that is another one under the same name, or was restarted. */
  forget(endpointName: string): void {
    this.#withoutUntil.delete(endpointName);
  }

  forgetAll(): void {
    this.#withoutUntil.clear();
  }
}

/**
 * Whether a server's answer says that it has nothing at the path it was asked at. A 404 may as well be about a model, or
 * about an earlier response that the request goes on from: then the path is there, and what is missing is the client's.
 * @param text the answer's body; empty for one that was too long to be read
 */
export function saysNoSuchPath(status: number, text: string): boolean {
  if (status === 405 || status === 501) return true;
  if (status === 404) return !isAboutRequest(text);
  // LM Studio says so under 200.
  return status === 200 && /^\s*\{\s*"error"\s*:\s*"Unexpected endpoint or method/.test(text);
}

function isAboutRequest(text: string): boolean {
  const body = parseJson(text);
  if (!isObject(body)) return false;
  const error = isObject(body.error) ? body.error : body;
  const { param, code } = error;
  if (filledText(param) !== undefined) return true;
  if (typeof code === "string" && /model|response|conversation|item|file/.test(code)) return true;
  const message = filledText(error.message) ?? filledText(body.error) ?? filledText(body.detail) ?? "";
  return subjects.test(message);
}

const subjects =
  /\b(?:model|adapter|lora|response|conversation|previous_response_id|item|resp_\w+)\b.{0,300}\b(?:not found|not exist|unknown|expired)/i;
