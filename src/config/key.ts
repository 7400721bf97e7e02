import * as v from "valibot";
import { isMapping } from "./problem.ts";

/** active: acted upon. inert: accepted, nothing can act on it; `reason` says why. */
export type KeyStatus = "active" | "inert";

export type KeyType =
  | "duration"
  | "size"
  | "integer"
  | "number"
  | "boolean"
  | "string"
  | "list"
  | "mapping"
  | "any";

/** What is known about one key besides how to read it. The generated documentation shows all of it. */
export interface KeyNotes {
  /** One or two sentences: meaning, then what special values do. */
  readonly doc: string;
  /** Variables that override the key, strongest first. `"auto"`: `OLLA_` and the path in capitals. */
  readonly env?: readonly string[] | "auto";
  readonly status?: KeyStatus;
  /** Has no default because it cannot be left out. */
  readonly isRequired?: boolean;
  /** A reload cannot put another value in force. */
  readonly takesRestart?: boolean;
  /** Why an inert key does nothing. */
  readonly reason?: string;
}

/** What a value, or each item of a list, keeps to besides its type: as much of it as can be written down. */
export interface KeyBounds {
  readonly min?: number;
  readonly max?: number;
  readonly isMinExcluded?: boolean;
  /** The only words that count, in the file's spelling. */
  readonly choices?: readonly string[];
  /** Further spellings of them. With these, case is ignored. */
  readonly spellings?: readonly string[] | undefined;
  /** A string with nothing in it, or only spaces. */
  readonly allowEmpty?: boolean;
  /** JSON Schema of a value that is like no other. */
  readonly valueSchema?: Readonly<Record<string, unknown>>;
}

export interface KeyMetadata extends KeyNotes, KeyBounds {
  readonly type: KeyType;
  /** Shown in the documentation: `seconds`, `a | b | c`. */
  readonly unit: string;
  /** As a user would write it; `undefined`: unset. */
  readonly initial: unknown;
  readonly isSecret: boolean;
  /** Turns the text of an environment variable into what the YAML file would have held. */
  readonly fromText: (text: string) => unknown;
}

/** Adds a problem at the key, or at `below` inside its value. */
export type Complain = (message: string, below?: readonly (string | number)[]) => void;

/** Reads a raw YAML value. A reading that complained may return anything. `null` never gets here. */
export type ReadValue<T> = (raw: unknown, complain: Complain) => T;

export type Key<T> = v.OptionalSchema<v.GenericSchema<unknown, T>, () => unknown>;
export type UnsetKey<T> = v.OptionalSchema<v.GenericSchema<unknown, T | undefined>, undefined>;

/** A key with a default. Its default goes through the same reading as a user's value. */
export function makeKey<T>(read: ReadValue<T>, metadata: KeyMetadata): Key<T> {
  const initial = metadata.initial;
  return v.optional(leaf(read, metadata, initial), () => initial);
}

/** A key that stays `undefined` unless the user sets it. */
export function makeUnsetKey<T>(read: ReadValue<T>, metadata: KeyMetadata): UnsetKey<T> {
  return v.optional(leaf<T | undefined>(read, metadata, undefined), undefined);
}

function leaf<T>(read: ReadValue<T>, metadata: KeyMetadata, initial: unknown): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      // YAML's `key:` with nothing behind it keeps the default (configuration.md §1); an empty list stays a list.
      const raw = dataset.value === null ? emptyFor(metadata.type, initial) : dataset.value;
      if (raw === undefined) return undefined as T;
      let isRefused = false;
      const value = read(raw, (message, below = []) => {
        isRefused = true;
        const path = below.map((part) => pathItem(part));
        addIssue(isNotEmpty(path) ? { message, path } : { message });
      });
      return isRefused ? NEVER : value;
    }),
    v.metadata({
      key: metadata,
      readInitial: () => (initial === undefined ? undefined : read(initial, () => {})),
    }),
  );
}

function emptyFor(type: KeyType, initial: unknown): unknown {
  if (type === "list") return [];
  return type === "mapping" ? {} : initial;
}

/**
 * A cross-check of a section's values; `key` may be dotted. Values may be missing or unread when they have problems
 * of their own.
 */
export type CheckSection = (
  values: Readonly<Record<string, unknown>>,
  complain: (key: string, message: string) => void,
) => void;

/** A mapping of keys. Absent or null means all defaults; keys that it does not name are reported elsewhere. */
export function section<const Entries extends v.ObjectEntries>(
  entries: Entries,
  doc = "",
  check: CheckSection = () => {},
) {
  const content = v.object(entries);
  const mapping = v.custom<v.InferInput<typeof content>>(
    isMapping,
    // The value is not shown: a slip such as `auth: sk-123` would put a credential into the message.
    (issue) => `expected a mapping, got ${Array.isArray(issue.input) ? "a list" : `a ${typeof issue.input}`}`,
  );
  const checked = v.pipe(
    mapping,
    content,
    v.rawCheck(({ dataset, addIssue }) => {
      const values: unknown = dataset.value;
      if (!isMapping(values)) return;
      check(values, (key, message) => {
        const path = key.split(".").map(pathItem);
        addIssue(isNotEmpty(path) ? { message, path } : { message });
      });
    }),
    v.metadata({ section: doc }),
  );
  return v.nullish(checked, () => ({}) as v.InferInput<typeof content>);
}

// Valibot wants to know where a path item comes from; only the key is ever read.
function pathItem(key: string | number): v.IssuePathItem {
  return { type: "unknown", origin: "value", input: undefined, key, value: undefined };
}

function isNotEmpty<T>(items: T[]): items is [T, ...T[]] {
  return items.length > 0;
}

/** The parts of a valibot schema that the walks over the configuration tree need. */
export interface SchemaNode {
  readonly type: string;
  readonly wrapped?: SchemaNode;
  readonly item?: SchemaNode;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly pipe?: readonly SchemaNode[];
  readonly metadata?: {
    readonly key?: KeyMetadata;
    readonly readInitial?: () => unknown;
    readonly section?: string;
  };
}

export type Shape =
  | { readonly kind: "key"; readonly metadata: KeyMetadata; readonly readInitial: () => unknown }
  | { readonly kind: "section"; readonly entries: Readonly<Record<string, SchemaNode>>; readonly doc: string }
  | { readonly kind: "list"; readonly item: SchemaNode };

/** What a schema node is once its wrappers are taken off. */
export function shapeOf(node: SchemaNode): Shape {
  if (node.wrapped !== undefined) return shapeOf(node.wrapped);
  if (node.item !== undefined) return { kind: "list", item: node.item };
  const parts = node.pipe ?? [node];
  const notes = parts.find((part) => part.metadata !== undefined)?.metadata;
  if (notes?.key !== undefined) {
    return { kind: "key", metadata: notes.key, readInitial: notes.readInitial ?? (() => undefined) };
  }
  const entries = parts.find((part) => part.entries !== undefined)?.entries;
  return { kind: "section", entries: entries ?? {}, doc: notes?.section ?? "" };
}
