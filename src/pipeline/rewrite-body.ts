import type { BodyScan, ScannedModel, Span } from "./body-scan.ts";
import { createKeyFilter, type KeyFilter, scanMembers } from "./json-members.ts";
import { skipSpace } from "./json-skip.ts";

/** What an endpoint must find in the body instead of, or besides, what the client wrote. */
export interface BodyChange {
  readonly model?: string | undefined;
  /** Top-level members that are added where the client has none of that name, not even `null`. The names are ASCII. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Gives one endpoint its own version of a client's body; called once per attempt. All other bytes stay as they are, and
 * a body that is neither a complete JSON object nor a form is returned itself. A form gets no defaults.
 */
export type RewriteBody = (
  body: Uint8Array<ArrayBuffer>,
  scan: BodyScan,
  change: BodyChange,
) => Uint8Array<ArrayBuffer>;

/** Built once: keeps what the configured `defaults` look like as JSON, so that no request has to write them again. */
export function createBodyRewriter(): RewriteBody {
  const prepared = new WeakMap<object, Defaults>();
  const prepare = (record: Readonly<Record<string, unknown>>) => {
    const known = prepared.get(record);
    if (known !== undefined) return known;
    const fresh = prepareDefaults(record);
    prepared.set(record, fresh);
    return fresh;
  };
  return (body, scan, { model, defaults }) =>
    scan.isObject
      ? rewriteObject(body, scan, model, defaults === undefined ? undefined : prepare(defaults))
      : rewriteField(body, scan.model, model);
}

function rewriteObject(
  body: Uint8Array<ArrayBuffer>,
  scan: BodyScan,
  model: string | undefined,
  defaults: Defaults | undefined,
): Uint8Array<ArrayBuffer> {
  if (!scan.isComplete) return body;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const open = text.indexOf("{");
  // Nearly every body has one model, and where that is the first scan has seen.
  const members =
    defaults !== undefined || (model !== undefined && scan.hasRivalModels)
      ? findMembers(text, open, defaults)
      : undefined;
  const edits: Edit[] = [];
  const added = defaults?.members.filter(({ key }) => members?.keys.has(key) !== true) ?? [];
  if (added.length > 0) {
    const isEmpty = text[skipSpace(text, open + 1)] === closeBrace;
    const inserted = added.map(({ json }) => json).join(",") + (isEmpty ? "" : ",");
    edits.push({ start: open + 1, end: open + 1, bytes: Buffer.from(inserted) });
  }
  if (model !== undefined && scan.model?.isTopLevel === true) {
    const bytes = Buffer.from(JSON.stringify(model));
    const spans = scan.hasRivalModels && members !== undefined ? members.models : [scan.model];
    for (const { start, end } of spans) edits.push({ start, end, bytes });
  }
  return applyEdits(body, edits);
}

/** A default, in lower case and as a member of an object. */
interface Defaults {
  readonly members: readonly { readonly key: string; readonly json: string }[];
  readonly filter: KeyFilter;
}

const closeBrace = 0x7d;
const quote = 0x22;
const modelKey = "model";

function prepareDefaults(record: Readonly<Record<string, unknown>>): Defaults {
  const members = Object.entries(record).flatMap(([name, value]) => {
    const json: string | undefined = JSON.stringify(value);
    return json === undefined ? [] : { key: name.toLowerCase(), json: `${JSON.stringify(name)}:${json}` };
  });
  return { members, filter: createKeyFilter([modelKey, ...members.map(({ key }) => key)]) };
}

const modelFilter = createKeyFilter([modelKey]);

interface Members {
  /** In lower case: servers in Go take `Temperature` for `temperature`. Those that the filter rules out are missing. */
  readonly keys: ReadonlySet<string>;
  /** Every text that some server may take for the model: the last one counts for most, but not in the same way. */
  readonly models: readonly Span[];
}

function findMembers(text: Buffer, open: number, defaults: Defaults | undefined): Members {
  const keys = new Set<string>();
  const models: Span[] = [];
  scanMembers(text, open, defaults?.filter ?? modelFilter, (name, start, end) => {
    const key = name.toLowerCase();
    keys.add(key);
    if (key === modelKey && text[start] === quote) models.push({ start, end });
  });
  return { keys, models };
}

/** The model of a form, where the scan has found one. */
function rewriteField(
  body: Uint8Array<ArrayBuffer>,
  found: ScannedModel | undefined,
  model: string | undefined,
): Uint8Array<ArrayBuffer> {
  if (model === undefined || found === undefined || !found.isTopLevel) return body;
  switch (found.encoding) {
    case "json":
      return body;
    case "form":
      return applyEdits(body, [{ ...found, bytes: Buffer.from(encodeURIComponent(model.toWellFormed())) }]);
    case "text":
      // A line break could begin another part. No model is called so.
      return /[\r\n]/.test(model) ? body : applyEdits(body, [{ ...found, bytes: Buffer.from(model) }]);
  }
}

interface Edit extends Span {
  readonly bytes: Uint8Array;
}

/** @param edits in the order of the text */
function applyEdits(body: Uint8Array<ArrayBuffer>, edits: readonly Edit[]): Uint8Array<ArrayBuffer> {
  if (edits.length === 0) return body;
  const growth = edits.reduce((sum, { start, end, bytes }) => sum + bytes.byteLength - (end - start), 0);
  const edited = new Uint8Array(body.byteLength + growth);
  let from = 0;
  let to = 0;
  for (const { start, end, bytes } of edits) {
    edited.set(body.subarray(from, start), to);
    to += start - from;
    edited.set(bytes, to);
    to += bytes.byteLength;
    from = end;
  }
  edited.set(body.subarray(from), to);
  return edited;
}
