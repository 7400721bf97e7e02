import { expect } from "bun:test";
import type { z } from "zod";
import { errorBodies } from "../../src/server/api/about-answers.ts";
import type { Operation } from "../../src/server/api/operation.ts";
import { operations } from "../../src/server/api/operations.ts";

export interface Call {
  readonly parameters?: Readonly<Record<string, string>>;
  /** With `?` in front, or empty. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks a running Olla for documented operations and holds every answer against what the document says of it. */
export class ApiCaller {
  readonly #seen = new SeenMembers();
  readonly #called = new Set<string>();

  /** Operations that have been answered as documented. */
  get called(): ReadonlySet<string> {
    return this.#called;
  }

  /** Members of the schemas that no answer has had so far, as `operation: path`. */
  unseenMembers(): readonly string[] {
    return operations.flatMap(({ id, answer }) =>
      "schema" in answer ? this.#seen.missing(answer.schema).map((path) => `${id}: ${path}`) : [],
    );
  }

  /** @returns the body, parsed where it is JSON; empty for a stream, which is left alone */
  async call(url: string, id: string, call: Call = {}): Promise<unknown> {
    const operation = operationOf(id);
    const response = await send(url, operation, call);
    const text = response.headers.get("content-type")?.startsWith("text/event-stream")
      ? ""
      : await response.text();
    expect([id, response.status, text]).toEqual([id, 200, text]);
    const { answer } = operation;
    const mediaType = "schema" in answer ? "application/json" : answer.mediaType;
    expect([id, response.headers.get("content-type")]).toEqual([id, mediaType]);
    if (text === "") await response.body?.cancel();
    this.#called.add(id);
    if (!("schema" in answer)) return text;
    const body: unknown = JSON.parse(text);
    expectToFit(answer.schema, body, id);
    this.#seen.note(answer.schema, body);
    return body;
  }

  /** Asks, and expects one of the errors that the document names. */
  async callInVain(url: string, id: string, code: string, call: Call = {}): Promise<void> {
    const operation = operationOf(id);
    const response = await send(url, operation, call);
    const body: unknown = await response.json();
    const dialect = /\/api\/(tags|ps|version)$/.test(operation.path)
      ? "ollama"
      : operation.path.startsWith("/olla/anthropic")
        ? "anthropic"
        : "openai";
    expectToFit(errorBodies[dialect], body, id);
    expect([id, response.headers.get("x-olla-error")]).toEqual([id, code]);
    const known = documentedAnswer(operation, response.status);
    expect(known).toContain(`\`${code}\``);
  }
}

let documented:
  | Record<string, Record<string, { responses: Record<string, { description: string }> }>>
  | undefined;

/** What the file in the repository says of a status. */
function documentedAnswer({ path, method }: Operation, status: number): string {
  documented ??= JSON.parse(documentText).paths as NonNullable<typeof documented>;
  return documented[path]?.[method]?.responses[status]?.description ?? "";
}

export const documentText = await Bun.file(new URL("../../docs/openapi.json", import.meta.url)).text();

function operationOf(id: string): Operation {
  const found = operations.find((operation) => operation.id === id);
  if (found === undefined) throw new Error(`there is no operation ${id}`);
  return found;
}

function send(url: string, { path, method }: Operation, call: Call): Promise<Response> {
  const { parameters = {}, query = "", headers = {} } = call;
  const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    if (value === undefined) throw new Error(`${path} needs ${name}`);
    return encodeURIComponent(value);
  });
  return fetch(`${url}${target}${query}`, { method: method.toUpperCase(), headers, redirect: "manual" });
}

export function expectToFit(schema: z.ZodType, body: unknown, what: string): void {
  const { error } = schema.safeParse(body);
  if (error !== undefined) {
    throw new Error(`${what} does not fit its schema: ${error.message}\n${JSON.stringify(body, null, 1)}`);
  }
}

/** Which members of which object schemas have been there. A schema that is used twice needs its members once. */
class SeenMembers {
  readonly #byShape = new Map<object, Set<string>>();

  note(schema: z.ZodType, value: unknown): void {
    const inner = unwrap(schema);
    if (value === null || value === undefined) return;
    switch (inner.def.type) {
      case "object": {
        const { shape } = inner as z.ZodObject;
        const seen = this.#byShape.get(shape) ?? new Set();
        this.#byShape.set(shape, seen);
        for (const [name, member] of Object.entries(shape)) {
          const inside = (value as Record<string, unknown>)[name];
          if (inside === undefined) continue;
          seen.add(name);
          this.note(member as z.ZodType, inside);
        }
        return;
      }
      case "array":
        for (const item of value as unknown[]) this.note((inner as z.ZodArray).element as z.ZodType, item);
        return;
      case "record":
        for (const item of Object.values(value))
          this.note((inner as z.ZodRecord).valueType as z.ZodType, item);
        return;
      case "union": {
        const fitting = (inner as z.ZodUnion).options.find(
          (option) => (option as z.ZodType).safeParse(value).success,
        );
        if (fitting !== undefined) this.note(fitting as z.ZodType, value);
        return;
      }
    }
  }

  missing(schema: z.ZodType, path = ""): string[] {
    const inner = unwrap(schema);
    switch (inner.def.type) {
      case "object": {
        const { shape } = inner as z.ZodObject;
        const seen = this.#byShape.get(shape) ?? new Set();
        return Object.entries(shape).flatMap(([name, member]) =>
          seen.has(name) ? this.missing(member as z.ZodType, `${path}.${name}`) : [`${path}.${name}`],
        );
      }
      case "array":
        return this.missing((inner as z.ZodArray).element as z.ZodType, `${path}[]`);
      case "record":
        return this.missing((inner as z.ZodRecord).valueType as z.ZodType, `${path}{}`);
      case "union":
        return (inner as z.ZodUnion).options.flatMap((option) => this.missing(option as z.ZodType, path));
      default:
        return [];
    }
  }
}

function unwrap(schema: z.ZodType): z.ZodType {
  const { type } = schema.def;
  if (type !== "optional" && type !== "nullable") return schema;
  return unwrap((schema as z.ZodOptional | z.ZodNullable).unwrap() as z.ZodType);
}
