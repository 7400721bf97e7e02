import { resolve } from "node:path";
import { nearestNames } from "../lib/nearest.ts";
import { Secret } from "../lib/secret.ts";
import type { EndpointConfig } from "./endpoint-config.ts";
import type { Environment } from "./environment.ts";
import { describeFileError, type ReadTextFile } from "./find-file.ts";
import { interpolate } from "./interpolate.ts";
import { describeSecret, isMapping, type KeyPath } from "./problem.ts";
import { isHeaderName } from "./schema-models.ts";

export interface SecretSources {
  readonly env: Environment;
  /** Paths of secret files count from here. */
  readonly cwd: string;
  readonly readFile: ReadTextFile;
}

/** Reports at a place inside the endpoint. */
export type Report = (path: KeyPath, message: string, severity?: "error" | "warning") => void;

const credentials = ["token", "key", "username", "password"] as const;
type Credential = (typeof credentials)[number];

const credentialsOf: Readonly<Record<string, readonly Credential[]>> = {
  bearer: ["token"],
  api_key: ["key"],
  basic: ["username", "password"],
};
const authTypes = Object.keys(credentialsOf);

/**
 * Turns a raw `auth` block into the header that it stands for. Types of single values are the schema's business:
 * what is no string here has been reported already.
 */
export async function readAuth(
  raw: unknown,
  sources: SecretSources,
  report: Report,
): Promise<EndpointConfig["auth"]> {
  if (!isMapping(raw)) return undefined;
  const type = typeof raw.type === "string" ? raw.type : "";
  const needed = Object.hasOwn(credentialsOf, type) ? credentialsOf[type] : undefined;
  if (needed === undefined) {
    const isNear = nearestNames(type, authTypes, 1).length > 0;
    const got = isNear ? JSON.stringify(type) : describeSecret(raw.type);
    report(["auth", "type"], `expected "bearer", "api_key" or "basic", got ${got}`);
    return undefined;
  }
  for (const credential of credentials) {
    if (needed.includes(credential)) continue;
    for (const field of [credential, `${credential}_file`]) {
      if (isGiven(raw[field])) report(["auth", field], `expected nothing, because auth.type is ${type}`);
    }
  }
  if (isGiven(raw.header) && type !== "api_key") {
    report(["auth", "header"], `not used, because auth.type is ${type}`, "warning");
  }
  const values: string[] = [];
  for (const credential of needed) {
    const value = await readCredential(raw, credential, sources, report);
    if (value !== undefined) values.push(value);
  }
  const [first, second] = values;
  if (first === undefined || values.length < needed.length) return undefined;
  if (type === "bearer") return { header: "Authorization", value: new Secret(`Bearer ${first}`) };
  if (type === "basic") return basicHeader(first, second ?? "", report);
  return { header: readHeaderName(raw.header, report), value: new Secret(first) };
}

function basicHeader(username: string, password: string, report: Report): EndpointConfig["auth"] {
  if (username.includes(":")) report(["auth", "username"], "expected a user name without a colon");
  const encoded = Buffer.from(`${username}:${password}`).toString("base64");
  return { header: "Authorization", value: new Secret(`Basic ${encoded}`) };
}

function readHeaderName(raw: unknown, report: Report): string {
  if (typeof raw !== "string" || raw === "") return "X-Api-Key";
  if (!isHeaderName(raw)) report(["auth", "header"], "expected a header name (letters, digits, dashes)");
  return raw;
}

async function readCredential(
  raw: Readonly<Record<string, unknown>>,
  field: Credential,
  sources: SecretSources,
  report: Report,
): Promise<string | undefined> {
  const fileField = `${field}_file`;
  const inline = raw[field];
  const file = raw[fileField];
  if (isGiven(inline) === isGiven(file)) {
    const got = isGiven(inline) ? "both" : "neither";
    report(["auth", field], `expected exactly one of auth.${field} and auth.${fileField}, got ${got}`);
    return undefined;
  }
  if (typeof inline === "string") return resolveText(inline, ["auth", field], sources, report);
  if (typeof file !== "string") return undefined;
  const path = ["auth", fileField];
  try {
    return checkValue((await sources.readFile(resolve(sources.cwd, file))).trim(), path, report);
  } catch (error) {
    report(path, `expected a readable file, but ${describeFileError(error) ?? "it does not exist"}: ${file}`);
    return undefined;
  }
}

/** Text of the configuration that is a credential, with variables put in. */
export function resolveText(
  template: string,
  path: KeyPath,
  { env }: SecretSources,
  report: Report,
): string | undefined {
  const text = interpolateAt(template, path, env, report);
  return text === undefined ? undefined : checkValue(text, path, report);
}

function checkValue(value: string, path: KeyPath, report: Report): string | undefined {
  if (value === "") report(path, "expected a value, got an empty one");
  else if (!isHeaderValue(value))
    report(path, "expected characters that a header can carry; is there a line break?");
  else return value;
  return undefined;
}

function interpolateAt(
  template: string,
  path: KeyPath,
  env: Environment,
  report: Report,
): string | undefined {
  const { text, missing, hasBadReference } = interpolate(template, env);
  for (const name of new Set(missing)) {
    report(path, `expected the environment variable ${name} to be set, got nothing`);
  }
  if (hasBadReference) report(path, "expected the name of a variable inside the braces of a reference");
  return missing.length === 0 && !hasBadReference ? text : undefined;
}

/** Set per message or per connection by Olla; a fixed value would break every request. */
const framingHeaders = [
  "connection",
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Turns a raw `headers` mapping into headers to send. Names are never part of a message when they are wrong. */
export function readHeaders(raw: unknown, env: Environment, report: Report): Record<string, Secret> {
  const headers: Record<string, Secret> = {};
  if (!isMapping(raw)) return headers;
  const seen = new Set<string>();
  for (const [name, template] of Object.entries(raw)) {
    if (!isHeaderName(name)) {
      report(
        ["headers"],
        "expected header names of letters, digits and dashes, got one with other characters",
      );
      continue;
    }
    const path = ["headers", name];
    const lowerName = name.toLowerCase();
    if (seen.has(lowerName))
      report(path, "expected every header once, got this one again in other letter case");
    if (framingHeaders.includes(lowerName))
      report(path, "expected another header; Olla sets this one itself");
    seen.add(lowerName);
    if (typeof template !== "string") continue;
    const value = interpolateAt(template, path, env, report);
    if (value === undefined) continue;
    if (!isHeaderValue(value)) {
      report(path, "expected characters that a header can carry; is there a line break?");
    }
    headers[name] = new Secret(value);
  }
  return headers;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Visible Latin-1, space and tab: no CR, LF or NUL that could smuggle a second header. */
function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
