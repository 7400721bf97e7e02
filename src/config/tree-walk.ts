import { nearestNames } from "../lib/nearest.ts";
import { type SchemaNode, type Shape, shapeOf } from "./key.ts";
import { type ListedKey, withValueAt } from "./key-list.ts";
import { isMapping, type KeyPath } from "./problem.ts";

type KeyShape = Extract<Shape, { kind: "key" }>;

/** What a walk over a raw configuration meets. */
interface Visitor {
  readonly onKey: (path: KeyPath, key: KeyShape, value: unknown) => void;
  /** `siblings`: the names that the schema knows at this place. */
  readonly onUnknown: (path: KeyPath, siblings: readonly string[]) => void;
}

export function walkTree(schema: SchemaNode, tree: unknown, visitor: Visitor): void {
  visit(schema, tree, [], visitor);
}

function visit(node: SchemaNode, value: unknown, path: KeyPath, visitor: Visitor): void {
  const shape = shapeOf(node);
  if (shape.kind === "key") {
    visitor.onKey(path, shape, value);
  } else if (shape.kind === "list") {
    if (!Array.isArray(value)) return;
    for (const [index, item] of value.entries()) visit(shape.item, item, [...path, index], visitor);
  } else if (isMapping(value)) {
    for (const [name, inner] of Object.entries(value)) {
      const entry = Object.hasOwn(shape.entries, name) ? shape.entries[name] : undefined;
      if (entry === undefined) visitor.onUnknown([...path, name], Object.keys(shape.entries));
      else visit(entry, inner, [...path, name], visitor);
    }
  }
}

/**
 * Gives keys that hold text the text of plain scalars: `username: 007` means "007", as it does to the reference.
 * `sourceOf` returns what stands in the file.
 */
export function keepText(
  schema: SchemaNode,
  tree: unknown,
  sourceOf: (path: KeyPath) => string | undefined,
): unknown {
  let kept = tree;
  const keep = (path: KeyPath, value: unknown) => {
    if (typeof value !== "number" && typeof value !== "boolean") return;
    kept = withValueAt(kept, path, sourceOf(path) ?? String(value));
  };
  walkTree(schema, tree, {
    onKey(path, { metadata }, value) {
      if (metadata.type === "string") keep(path, value);
      if (metadata.type !== "mapping" || !metadata.isSecret || !isMapping(value)) return;
      for (const [name, inner] of Object.entries(value)) keep([...path, name], inner);
    },
    onUnknown() {},
  });
  return kept;
}

/** The key that someone meant who wrote one that does not exist, as a path to show; `undefined` when unclear. */
export function suggestKey(
  written: KeyPath,
  siblings: readonly string[],
  keys: readonly ListedKey[],
): string | undefined {
  const name = String(written.at(-1));
  const parent = written.slice(0, -1).filter((part) => typeof part === "string");
  const parentPath = schemaPath(written.slice(0, -1));
  const below = keys.filter((key) => isBelow(key, parent) && key.parts.at(-1) === name);
  if (below[0] !== undefined) return below[0].path;
  const sibling = nearestNames(name, siblings, 1)[0];
  if (sibling !== undefined) return parentPath === "" ? sibling : `${parentPath}.${sibling}`;
  const longer = siblings.find((known) => known.split("_").includes(name));
  if (longer !== undefined) return parentPath === "" ? longer : `${parentPath}.${longer}`;
  const misplaced = findByEnding(keys, name);
  if (misplaced !== undefined) return misplaced;
  const names = new Set(keys.map((key) => key.parts.at(-1) ?? ""));
  const similar = nearestNames(name, names, 1)[0];
  return similar === undefined ? undefined : findByEnding(keys, similar);
}

/** A key or section of that name elsewhere. Several keys of one name say nothing, unless the list is short. */
function findByEnding(keys: readonly ListedKey[], name: string): string | undefined {
  const places = new Set<string>();
  for (const key of keys) {
    const index = key.parts.lastIndexOf(name);
    if (index >= 0) places.add(pathUpTo(key, index));
  }
  const [first, second] = [...places].toSorted((left, right) => left.length - right.length);
  return second !== undefined && places.size > 3 ? undefined : first;
}

function pathUpTo(key: ListedKey, index: number): string {
  return key.path
    .split(".")
    .slice(0, index + 1)
    .join(".")
    .replace(/\[\]$/, "");
}

function isBelow(key: ListedKey, parent: readonly (string | number)[]): boolean {
  return (
    parent.length > 0 &&
    key.parts.length > parent.length + 1 &&
    parent.every((part, index) => part === key.parts[index])
  );
}

function schemaPath(path: KeyPath): string {
  let shown = "";
  for (const part of path) {
    if (typeof part === "number") shown += "[]";
    else shown += shown === "" ? part : `.${part}`;
  }
  return shown;
}
