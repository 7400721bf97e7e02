import { type KeyMetadata, type SchemaNode, shapeOf } from "./key.ts";
import { isMapping, type KeyPath } from "./problem.ts";

/** One key of the schema. `path` has `[]` for "every item", as in `discovery.static.endpoints[].url`. */
export interface ListedKey {
  readonly path: string;
  /** Without list marks; for keys outside lists it is the way through a configuration. */
  readonly parts: readonly string[];
  readonly isInList: boolean;
  readonly metadata: KeyMetadata;
  /** Variables that override it, strongest first. */
  readonly variables: readonly string[];
}

export interface ListedSection {
  readonly path: string;
  readonly doc: string;
  readonly keys: readonly ListedKey[];
}

/** Every key of a schema, in the order in which it is written. */
export function listKeys(schema: SchemaNode): ListedKey[] {
  return listSections(schema).flatMap((listed) => listed.keys);
}

/** Every section of a schema, parents first, each with the keys directly inside it. */
export function listSections(schema: SchemaNode): ListedSection[] {
  const sections: ListedSection[] = [];
  collectSections(schema, { path: "", parts: [], isInList: false }, sections);
  return sections;
}

interface Place {
  readonly path: string;
  readonly parts: readonly string[];
  readonly isInList: boolean;
}

function collectSections(node: SchemaNode, place: Place, sections: ListedSection[]): void {
  const shape = shapeOf(node);
  if (shape.kind === "list") {
    collectSections(shape.item, { ...place, path: `${place.path}[]`, isInList: true }, sections);
  }
  if (shape.kind !== "section") return;
  const keys: ListedKey[] = [];
  sections.push({ path: place.path, doc: shape.doc, keys });
  for (const [name, entry] of Object.entries(shape.entries)) {
    const path = place.path === "" ? name : `${place.path}.${name}`;
    const inside = { ...place, path, parts: [...place.parts, name] };
    const inner = shapeOf(entry);
    if (inner.kind === "key") keys.push(listKey(inside, inner.metadata));
    else collectSections(entry, inside, sections);
  }
}

function listKey(place: Place, metadata: KeyMetadata): ListedKey {
  const variables =
    metadata.env === "auto" ? [`OLLA_${place.parts.join("_").toUpperCase()}`] : (metadata.env ?? []);
  return { ...place, metadata, variables };
}

/** The value at a path of a plain tree, or `undefined`. */
export function valueAt(tree: unknown, path: KeyPath): unknown {
  let value = tree;
  for (const part of path) {
    if (Array.isArray(value) && typeof part === "number") value = value[part];
    else if (isMapping(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** A copy of a tree with one value replaced. Mappings on the way are made where there are none. */
export function withValueAt(tree: unknown, path: KeyPath, value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (Array.isArray(tree) && typeof first === "number") {
    return tree.map((item: unknown, index) => (index === first ? withValueAt(item, rest, value) : item));
  }
  const mapping = isMapping(tree) ? tree : {};
  return { ...mapping, [first]: withValueAt(mapping[first], rest, value) };
}
