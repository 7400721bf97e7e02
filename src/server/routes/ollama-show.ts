import { takesRequests } from "../../endpoints/endpoint-status.ts";
import { OllaError } from "../../errors.ts";
import type { Alias } from "../../models/alias.ts";
import { renderOllamaShow, type ShownModel } from "../../models/ollama-show.ts";
import { isAt, type ModelPlace } from "../../models/place-index.ts";
import { withoutLatest } from "../../models/unify.ts";
import { BodyBudget } from "../../pipeline/body-budget.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import { modelNotAllowed } from "../../pipeline/key-models.ts";
import { type ReadBodyLimits, readBody } from "../../pipeline/read-body.ts";
import type { EndpointView, ServerDependencies } from "../dependencies.ts";
import { jsonResponse } from "../json-response.ts";

export const showPath = "/api/show";

/** A question for a model holds little more than its name. */
const maxShowBytes = 1024 * 1024;
const maxShowBytesTogether = 16 * 1024 * 1024;
const showTimeoutMs = 30_000;

export interface ShowRequests {
  /**
   * What Olla knows about a model that no Ollama has, or the request as the pipeline should get it: with the model
   * under `model`, where older clients say `name`.
   * @throws OllaError for a body that cannot be read, or that names no model
   */
  answer(exchange: Exchange): Promise<Response | Exchange>;
}

type ShowDependencies = Pick<ServerDependencies, "catalog" | "endpoints" | "aliases" | "settings" | "clock">;

export function createShowRequests(deps: ShowDependencies): ShowRequests {
  const limits: ReadBodyLimits = {
    maxBytes: maxShowBytes,
    timeoutMs: showTimeoutMs,
    budget: new BodyBudget(maxShowBytesTogether),
    clock: deps.clock,
  };
  return {
    async answer(exchange) {
      const { bytes, plain, release } = await readBody(exchange.request, limits);
      release();
      const question = readQuestion(plain);
      const { clientKey } = exchange;
      if (question !== undefined && clientKey?.admitsModel(question.model) === false) {
        throw modelNotAllowed(question.model);
      }
      const shown = exchange.scope === "all" ? findShown(question?.model, deps) : undefined;
      if (shown !== undefined) return jsonResponse(renderOllamaShow(shown, deps.settings.startedAt));
      const rewritten = question?.rewritten;
      return withBody(exchange, rewritten ?? bytes ?? new Uint8Array(), rewritten !== undefined);
    },
  };
}

interface Question {
  readonly model: string;
  /** With `name` as its `model`; undefined where it has one already. */
  readonly rewritten: Uint8Array<ArrayBuffer> | undefined;
}

/** Undefined for what is no JSON object: the endpoint says what is wrong with it. */
function readQuestion(body: Uint8Array<ArrayBuffer> | undefined): Question | undefined {
  const parsed = body === undefined ? {} : parseObject(body);
  if (parsed === undefined) return undefined;
  const { model, name } = parsed;
  if (isName(model)) return { model: model.trim(), rewritten: undefined };
  if (!isName(name)) throw new OllaError("invalid_request", "model is required", { field: "model" });
  const rewritten = new TextEncoder().encode(JSON.stringify({ ...parsed, model: name }));
  return { model: name.trim(), rewritten };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : undefined;
  } catch {
    // Not JSON is one more way of not being an object.
    return undefined;
  }
}

/** The body has been read, so the pipeline needs a request that has it still. It ends when the client's ends. */
function withBody(exchange: Exchange, body: Uint8Array<ArrayBuffer>, isPlain: boolean): Exchange {
  const { method, headers: received, signal } = exchange.request;
  const headers = new Headers(received);
  headers.delete("transfer-encoding");
  if (isPlain) headers.delete("content-encoding");
  headers.set("content-length", String(body.byteLength));
  // Not the URL as received: a client of HTTP/1.0 leaves the host out.
  const url = `http://localhost${exchange.path}`;
  return { ...exchange, request: new Request(url, { method, headers, body, signal }) };
}

/** By the name without `:latest` where nobody has one with it, as requests find their model. */
function findShown(name: string | undefined, deps: ShowDependencies): ShownModel | undefined {
  if (name === undefined) return undefined;
  const bare = withoutLatest(name);
  const shown = findElsewhere(name, deps) ?? (bare === name ? undefined : findElsewhere(bare, deps));
  return shown && { ...shown, name };
}

/** Undefined where an Ollama may be asked, and where nobody has the model: then the pipeline says so. */
function findElsewhere(name: string, deps: ShowDependencies): ShownModel | undefined {
  const { catalog, endpoints, aliases } = deps;
  const views = new Map(endpoints.snapshot().map((view) => [view.endpoint.name, view]));
  const viewOf = ({ endpointName }: ModelPlace): EndpointView | undefined => {
    const view = views.get(endpointName);
    return view !== undefined && takesRequests(view) ? view : undefined;
  };
  const isOllama = (place: ModelPlace) => viewOf(place)?.endpoint.profile.paths.includes(showPath) === true;
  const usable = usablePlaces(name, aliases.find(name), (model) =>
    catalog.placesOf(model).filter((place) => viewOf(place) !== undefined),
  );
  if (usable.length === 0 || usable.some(isOllama)) return undefined;
  for (const model of catalog.unified()) {
    const [first, ...others] = model.sources.filter((source) => isAt(usable, source));
    if (first !== undefined) return { name, model, sources: [first, ...others] };
  }
  return undefined;
}

/** Of an alias those of the first step that has any: it is where requests go. */
function usablePlaces(
  name: string,
  alias: Alias | undefined,
  placesOf: (model: string) => readonly ModelPlace[],
): readonly ModelPlace[] {
  for (const { targets } of alias?.steps ?? []) {
    const places = targets.flatMap(({ model, endpointName }) =>
      placesOf(model).filter((place) => endpointName === undefined || place.endpointName === endpointName),
    );
    if (places.length > 0) return places;
  }
  return placesOf(name);
}
