import { errorTable } from "../../errors.ts";
import type { Alike, OutcomeKind } from "../outcome-kinds.ts";
import { type KnownPath, readPath } from "./operations.ts";
import { EndpointAttributes, type EndpointFacts, type EndpointOf, type Keys } from "./span-attributes.ts";
import { SpanWriter } from "./span-writer.ts";

const tags = { name: 0x2a, kind: 0x30 } as const;
const statusTag = 0x7a;
const serverKind = 2;
const clientKind = 3;

const longestText = 256;
const longestPath = 1024;

/** By the conventions every other method is called `_OTHER`, because clients may invent any. */
const knownMethods: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split(" "),
);

/** How clients reach this Olla, as far as its configuration says. */
export interface ServedAt {
  readonly scheme: "http" | "https";
  /** Undefined where the address is not one name. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** What is the same in the spans of all requests of a kind. */
export interface SpanParts {
  readonly request: Uint8Array;
  readonly attempts: readonly AttemptPart[];
}

export interface AttemptPart {
  readonly bytes: Uint8Array;
  /** Undefined for an endpoint that is gone. */
  readonly at: EndpointFacts | undefined;
  /** Whether its answer is the one that went to the client, so that it lasted until the end. */
  readonly isAnswer: boolean;
  /** Whether it tells of what a model was asked and has said. */
  readonly isOfModel: boolean;
}

/** Writes the parts of a kind once. An endpoint that has been replaced meanwhile has them written anew. */
export function createPartReader(
  keys: Keys,
  servedAt: ServedAt,
  endpointOf: EndpointOf,
): (kind: OutcomeKind) => SpanParts {
  const reached = encodeServedAt(servedAt, keys);
  const endpoints = new EndpointAttributes(endpointOf, keys);
  const written = new WeakMap<OutcomeKind, SpanParts>();
  return (kind) => {
    const { common } = kind;
    const known = written.get(kind);
    const [attempt] = common.attempts;
    const isValid = attempt === undefined || endpoints.of(attempt.endpoint) === known?.attempts[0]?.at;
    if (known !== undefined && isValid) return known;
    const path = readPath(common.path, common.route);
    const parts: SpanParts = {
      request: writePart((writer) => encodeCommon(common, path, reached, writer, keys)),
      attempts: common.attempts.map(({ endpoint }, index) => {
        const isAnswer = isAnswering(common, index);
        const isOfModel = isAnswer && path.operation !== undefined;
        const at = endpoints.of(endpoint);
        const bytes = writePart((writer) =>
          encodeQuestion({ common, path, index, at, isOfModel }, writer, keys),
        );
        return { bytes, at, isAnswer, isOfModel };
      }),
    };
    written.set(kind, parts);
    return parts;
  };
}

function writePart(write: (writer: SpanWriter) => void): Uint8Array {
  const writer = new SpanWriter();
  write(writer);
  return writer.written().slice();
}

/** @returns attributes that every request has */
function encodeServedAt({ scheme, address, port }: ServedAt, { of }: Keys): Uint8Array {
  return writePart((writer) => {
    writer.textAttribute(of.scheme, scheme);
    if (address !== undefined) writer.textAttribute(of.serverAddress, address);
    if (address !== undefined && port !== undefined) writer.intAttribute(of.serverPort, port);
  });
}

function encodeCommon(
  common: Alike,
  { route }: KnownPath,
  reached: Uint8Array,
  writer: SpanWriter,
  { of }: Keys,
): void {
  const { method, status, ending, userAgent } = common;
  const isKnownMethod = knownMethods.has(method);
  const title = isKnownMethod ? method : "HTTP";
  writer.text(tags.name, route === undefined ? title : `${title} ${route}`);
  writer.number(tags.kind, serverKind);
  writer.raw(reached);
  writer.textAttribute(of.method, isKnownMethod ? method : "_OTHER");
  if (!isKnownMethod) writer.textAttribute(of.methodOriginal, cut(method));
  writer.textAttribute(of.path, cut(common.path, longestPath));
  if (route !== undefined) writer.textAttribute(of.route, route);
  if (common.route !== undefined) writer.textAttribute(of.ollaRoute, common.route);
  // 499 was never sent to anybody.
  if (ending !== "client-abort") writer.intAttribute(of.status, status);
  writer.textAttribute(of.client, cut(common.clientAddress));
  if (userAgent !== undefined) writer.textAttribute(of.userAgent, cut(userAgent));
  encodeRouting(common, writer, of);
  encodeError(requestError(common), writer, of);
}

/** What no convention has a name for. */
function encodeRouting(common: Alike, writer: SpanWriter, of: Keys["of"]): void {
  const { decision, clientApi, stickyOutcome, heldBack } = common;
  const { clientKey, model, requestedModel, endpoint, backendType, tier } = common;
  if (clientKey !== undefined) writer.textAttribute(of.key, cut(clientKey));
  if (requestedModel !== undefined) writer.textAttribute(of.requestedModel, cut(requestedModel));
  if (model !== undefined) writer.textAttribute(of.model, cut(model));
  if (endpoint !== undefined) writer.textAttribute(of.endpoint, cut(endpoint));
  if (backendType !== undefined) writer.textAttribute(of.backendType, backendType);
  if (tier !== undefined) writer.textAttribute(of.tier, tier);
  if (common.isStream) writer.trueAttribute(of.isStream);
  writer.textAttribute(of.ending, common.ending);
  writer.intAttribute(of.attempts, common.attempts.length);
  if (heldBack !== undefined) writer.intAttribute(of.heldBack, heldBack.length);
  if (stickyOutcome !== undefined) writer.textAttribute(of.sticky, stickyOutcome);
  if (decision !== undefined) {
    writer.textAttribute(of.strategy, decision.strategy);
    writer.textAttribute(of.action, decision.action);
    if (decision.reason !== "") writer.textAttribute(of.reason, cut(decision.reason));
  }
  if (clientApi !== undefined) writer.textAttribute(of.api, clientApi.name);
  if (clientApi?.mode === "translation" && common.attempts.length > 0) writer.trueAttribute(of.isTranslated);
}

interface Question {
  readonly common: Alike;
  readonly path: KnownPath;
  /** Of the attempt. */
  readonly index: number;
  readonly at: EndpointFacts | undefined;
  readonly isOfModel: boolean;
}

/** Who was asked, and for what, and how the answer was. */
function encodeQuestion(
  { common, path: { operation }, index, at, isOfModel }: Question,
  writer: SpanWriter,
  { of, genAi }: Keys,
): void {
  const attempt = common.attempts[index];
  if (attempt === undefined) return;
  const { endpoint, model, status } = attempt;
  writer.number(tags.kind, clientKind);
  if (at !== undefined) writer.raw(at.server);
  writer.textAttribute(of.endpoint, cut(endpoint));
  if (operation === undefined) {
    const isKnownMethod = knownMethods.has(common.method);
    writer.text(tags.name, isKnownMethod ? common.method : "HTTP");
    writer.textAttribute(of.method, isKnownMethod ? common.method : "_OTHER");
  } else {
    writer.text(tags.name, model === undefined ? operation : `${operation} ${cut(model)}`);
    writer.textAttribute(genAi.operation, operation);
    if (at !== undefined) writer.raw(at.provider);
    if (model !== undefined) writer.textAttribute(genAi.requestModel, cut(model));
  }
  if (status !== undefined) writer.intAttribute(of.status, status);
  writer.intAttribute(of.attempt, index + 1);
  if (isOfModel) {
    const { isStream, usage } = common;
    if (isStream) writer.trueAttribute(genAi.isStream);
    if (usage?.model !== undefined) writer.textAttribute(genAi.responseModel, cut(usage.model));
    if (usage?.finish_reason !== undefined) {
      writer.listAttribute(genAi.finishReasons, cut(usage.finish_reason));
    }
  }
  encodeError(attemptError(attempt), writer, of);
}

/** @param error a bounded word; undefined where the span's status stays unset */
function encodeError(error: string | undefined, writer: SpanWriter, of: Keys["of"]): void {
  if (error === undefined) return;
  writer.textAttribute(of.errorType, error);
  writer.raw(errorStatus);
}

/** `Status { code: ERROR }`, without a message: those may quote what endpoints say. */
const errorStatus = Uint8Array.of(statusTag, 2, 0x18, 2);

/** To a server what its client did wrong is no error: 4xx, and that it left. */
function requestError({ status, ending, error }: Alike): string | undefined {
  const isFailed = ending !== "client-abort" && ending !== "complete" && ending !== "rejected";
  if (status < 500 && (!isFailed || (error !== undefined && errorTable[error.code].culprit === "client"))) {
    return undefined;
  }
  if (ending === "client-abort") return undefined;
  return error === undefined || error.code === "upstream_status" ? String(status) : error.code;
}

/** To a client 4xx is an error as well; that its own caller left is none. */
function attemptError({ status, error }: Alike["attempts"][number]): string | undefined {
  if (error === "client_abort") return undefined;
  if (error !== undefined && error !== "upstream_status") return error;
  if (status !== undefined && status >= 400) return String(status);
  return error;
}

function isAnswering({ endpoint, attempts }: Alike, index: number): boolean {
  const attempt = attempts[index];
  return index === attempts.length - 1 && attempt?.status !== undefined && attempt.endpoint === endpoint;
}

export function cut(text: string, longest = longestText): string {
  return text.length > longest ? text.slice(0, longest) : text;
}
