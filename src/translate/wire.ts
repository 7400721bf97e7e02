import { isObject, type JsonObject } from "../lib/json.ts";

/** Undefined for everything else, the empty text included. */
export function filledText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A number of things; undefined for everything else. */
export function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
}

/** The objects of a list; none where there is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function toJsonBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
