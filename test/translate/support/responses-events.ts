import { expect } from "bun:test";
import { isObject, type JsonObject } from "../../../src/lib/json.ts";
import type { Translation } from "../../../src/translate/client-api.ts";
import { ResponseStore } from "../../../src/translate/responses/response-store.ts";
import { createResponsesApi } from "../../../src/translate/responses/responses-api.ts";
import { targetOf } from "./translate-stream.ts";

/** One event of a Responses stream, as the client gets it. */
export type ResponsesEvent = JsonObject & { readonly type: string };

export const minimalRequest = { model: "asked-model", input: "Where does the river begin?" };

export function createStore(): ResponseStore {
  return new ResponseStore({ maxCount: 100, maxBytes: 10_000_000 });
}

export function translateResponses(body: object, store: ResponseStore = createStore()): Translation {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return createResponsesApi(store).translate({ body: bytes, requestId: "req-1" });
}

/** What an endpoint is asked for a request of these members besides the required ones. */
export function askedOf(members: object, store?: ResponseStore): JsonObject {
  const { body, path } = translateResponses({ ...minimalRequest, ...members }, store).encode(
    targetOf("vllm"),
  );
  expect(path).toBe("/v1/chat/completions");
  return JSON.parse(new TextDecoder().decode(body));
}

/** The client's text for an endpoint's stream that came in these pieces and then ended. */
export function responsesText(pieces: Iterable<Uint8Array>, members: object = {}): string {
  const stream = translateResponses({ ...minimalRequest, stream: true, ...members }).openStream(
    targetOf("vllm"),
  );
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  const take = (bytes: Uint8Array | undefined) => {
    // Whole events only, so no piece may end inside a character.
    if (bytes !== undefined) text += decoder.decode(bytes);
  };
  for (const piece of pieces) take(stream.push(piece));
  take(stream.end());
  return text;
}

/** Reads what we wrote, and takes nothing but the one form that we write: a name, one line of data, an empty line. */
export function parseResponsesEvents(text: string): ResponsesEvent[] {
  if (text === "") return [];
  expect(text).toEndWith("\n\n");
  return text
    .slice(0, -2)
    .split("\n\n")
    .map((block) => {
      const [, name, json] = /^event: ([\w.]+)\ndata: ([^\n\r]*)$/.exec(block) ?? [];
      const data: unknown = JSON.parse(json ?? `${block} is no event`);
      if (!isObject(data) || typeof data.type !== "string") throw new Error(`${block} has no type`);
      expect(data.type).toBe(name ?? "");
      return { ...data, type: data.type };
    });
}

/** Ids and times are made up anew each time. */
export function withoutChance(text: string): string {
  return text
    .replace(/\b(resp|msg|rs|fc|ctc|tsc)_olla\w{32}/g, "$1_any")
    .replace(/"(created_at|completed_at)":\d+/g, '"$1":0')
    .replace(/toolu_01\w{22}/g, "call_any");
}

interface ItemState {
  readonly id: unknown;
  readonly type: unknown;
  /** What its deltas said. */
  said: string;
  part: "none" | "open" | "told" | "done";
  done: unknown;
}

const ends = /^response\.(completed|incomplete|failed)$/;

/**
 * The grammar of a Responses stream. Numbers count from 0; items are added, told and done, one said item at a time; what
 * was told piece by piece, what the item says at its end, and what the last event shows are the same.
 */
export function checkResponsesGrammar(events: readonly ResponsesEvent[]): void {
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  expect(events.slice(0, 2).map(({ type }) => type)).toEqual(["response.created", "response.in_progress"]);
  expect(events.filter(({ type }) => ends.test(type))).toHaveLength(1);
  const last = events.at(-1);
  expect(last?.type).toMatch(ends);
  const items: ItemState[] = [];
  for (const event of events.slice(2, -1)) checkItemEvent(event, items);
  checkEnd(objectIn(events[0], "response"), objectIn(last, "response"), items);
}

function checkItemEvent(event: ResponsesEvent, items: ItemState[]): void {
  if (event.type === "response.output_item.added") {
    const item = objectIn(event, "item");
    expect(event.output_index).toBe(items.length);
    expect(item.status).toBe("in_progress");
    expect(items.map(({ id }) => id)).not.toContain(item.id);
    const isOneOpen = items.some(({ done, type }) => done === undefined && !isCall(type));
    expect(isOneOpen).toBe(false);
    items.push({ id: item.id, type: item.type, said: "", part: "none", done: undefined });
    return;
  }
  const item = items[Number(event.output_index)];
  if (item === undefined) throw new Error(`${event.type} is of no item`);
  expect(item.done).toBeUndefined();
  if (event.type === "response.output_item.done") {
    item.done = event.item;
    checkDone(objectIn(event, "item"), item);
    return;
  }
  expect(event.item_id).toBe(item.id);
  checkPiece(event, item);
}

function checkPiece(event: ResponsesEvent, item: ItemState): void {
  const [, step] = /\.(\w+)$/.exec(event.type) ?? [];
  const isPart = /_part\./.test(event.type);
  if (!isCall(item.type)) expect(event.content_index ?? event.summary_index).toBe(0);
  if (isPart && step === "added") {
    expect(item.part).toBe("none");
    item.part = "open";
    expect(textOfPart(objectIn(event, "part"))).toBe("");
  } else if (step === "delta") {
    if (!isCall(item.type)) expect(item.part).toBe("open");
    item.said += String(event.delta);
  } else if (isPart) {
    expect(item.part).toBe("told");
    item.part = "done";
    expect(textOfPart(objectIn(event, "part"))).toBe(item.said);
  } else {
    expect(step).toBe("done");
    item.part = "told";
    expect(event.text ?? event.refusal ?? event.arguments ?? event.input).toBe(item.said);
  }
}

function checkDone(done: JsonObject, item: ItemState): void {
  expect(done).toMatchObject({ id: item.id, type: item.type });
  expect(String(done.status)).toMatch(/^(completed|incomplete)$/);
  if (item.type === "tool_search_call") return;
  if (isCall(item.type)) {
    expect(item.part).toBe("told");
    expect(done.arguments ?? done.input).toBe(item.said);
    return;
  }
  expect(item.part).toBe("done");
  expect(partsOf(done).map(textOfPart)).toEqual([item.said]);
}

function checkEnd(begun: JsonObject, ended: JsonObject, items: readonly ItemState[]): void {
  expect(begun).toMatchObject({ status: "in_progress", output: [], usage: null });
  expect({ id: ended.id, created_at: ended.created_at, model: ended.model }).toEqual({
    id: begun.id,
    created_at: begun.created_at,
    model: begun.model,
  });
  expect(Object.keys(ended)).toEqual(Object.keys(begun));
  const output = ended.output as JsonObject[];
  expect(output.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
  for (const [index, { done }] of items.entries()) {
    if (done !== undefined) expect(output[index]).toEqual(done as JsonObject);
    else expect({ of: ended.status, is: output[index]?.status }).toEqual({ of: "failed", is: "incomplete" });
  }
  expect(ended.error === null).toBe(ended.status !== "failed");
  expect(ended.incomplete_details === null).toBe(ended.status !== "incomplete");
  expect(ended.completed_at === null).toBe(ended.status !== "completed");
}

function isCall(type: unknown): boolean {
  return type !== "message" && type !== "reasoning";
}

/** Of a message or a thought. */
export function partsOf(item: JsonObject): JsonObject[] {
  return [item.content, item.summary].flatMap((parts) => (Array.isArray(parts) ? parts : []));
}

function textOfPart({ text, refusal }: JsonObject): unknown {
  return text ?? refusal;
}

export function objectIn(event: JsonObject | undefined, member: string): JsonObject {
  const value = event?.[member];
  if (!isObject(value)) throw new Error(`${JSON.stringify(event)} has no ${member}`);
  return value;
}
