import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describeFileError } from "../config/find-file.ts";
import { interpolate } from "../config/interpolate.ts";
import { loadConfig } from "../config/load.ts";
import { findCaFault } from "../lib/certificate.ts";
import type { ClientTls } from "../lib/client-tls.ts";
import { errorCodeOf } from "../lib/error-code.ts";
import { type FetchLike, type HttpGetResult, HttpGetTimeout, httpGet } from "../lib/http-get.ts";
import { isObject, type JsonObject, parseJson } from "../lib/json.ts";
import { classifyNetworkError } from "../lib/network-error.ts";
import { Secret } from "../lib/secret.ts";
import { UsageError } from "./arguments.ts";
import { addressFrom, type OllaAddress, parseAddress } from "./olla-address.ts";
import { harmless } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";

/** The flags of every command that asks a running Olla. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly keyFile?: string;
  readonly ca?: string;
}

/** Why a running Olla did not answer a question. The message says what to do. */
export class AskError extends Error {
  /** The code of Olla's own answer; undefined when there was none. */
  readonly code: string | undefined;
  readonly status: number | undefined;

  constructor(message: string, options: ErrorOptions & { code?: string | undefined; status?: number } = {}) {
    super(message, options);
    this.name = "AskError";
    this.code = options.code;
    this.status = options.status;
  }

  /** Whether asking again without another key can't help, and would count against this machine. */
  get isRefusal(): boolean {
    return this.status === 401 || this.status === 403 || this.status === 429;
  }
}

/** An Olla that runs somewhere, as operators may ask it. */
export interface RunningOlla {
  /** Its address, for people. */
  readonly shown: string;
  /** @param path with its query, from the root @throws AskError */
  ask(path: string): Promise<JsonObject>;
}

interface Where {
  readonly address: OllaAddress;
  readonly key: { readonly text: Secret; readonly source: string } | undefined;
  readonly tls: ClientTls;
  /** For each question, from connecting to the last byte. */
  readonly timeoutMs: number;
}

const keyVariable = "OLLA_SERVER_ADMIN_KEY";
const usualTimeoutMs = 5_000;
/**
 * Olla makes an address wait that sends ten wrong keys in a minute, with the right one, too. So one that watches with a
 * key that is no longer right must not take that from those who have the new one.
 */
export const refusedPauseMs = 30_000;
/** Thousands of models are a few megabytes. */
const maxBytes = 64 * 1024 ** 2;

/**
 * Finds out where Olla is and with which key to ask it, from the flags, else from the configuration that `olla serve` would
 * take, as far as that can be read. Asks nothing yet.
 * @throws UsageError for flags that make no sense, AskError for files that can't be used
 */
export async function findOlla(
  options: ConnectionOptions,
  configPath: string | undefined,
  { env, cwd }: Pick<Terminal, "env" | "cwd">,
  timeoutMs = usualTimeoutMs,
): Promise<RunningOlla> {
  const given = options.url === undefined ? undefined : parseAddress(options.url);
  const keyOfFile = options.keyFile === undefined ? undefined : await readKey(options.keyFile, cwd);
  const ca = options.ca === undefined ? undefined : await readAuthority(options.ca, cwd);
  const configured = given === undefined ? await readConfiguration(configPath, env, cwd) : undefined;
  const address = given ?? configured?.address;
  if (address === undefined) throw new Error("neither flags nor configuration gave an address");
  // The key of this configuration is for the Olla of this configuration, and for no other.
  const key = keyOfFile ?? configured?.key ?? keyFromVariable(env);
  // Without an authority nobody can vouch for this machine's certificate, which is for the name that clients use; and
  // what listens here is this machine.
  const rejectUnauthorized = !(address.isThisMachine && ca === undefined);
  const tls = { rejectUnauthorized, ...(ca === undefined ? {} : { ca }) };
  const olla = connectTo({ address, key, tls, timeoutMs });
  return configured?.hasMistakes === true ? { ...olla, ask: (path) => askDespite(olla, path) } : olla;
}

/** Where the file is no good, nobody can be sure that Olla is where it says. */
async function askDespite(olla: RunningOlla, path: string): Promise<JsonObject> {
  try {
    return await olla.ask(path);
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    const { code, status } = error;
    const said = status === undefined ? { code } : { code, status };
    const message = `the configuration has mistakes (\`olla validate\` shows them), and ${error.message}`;
    throw new AskError(message, { cause: error, ...said });
  }
}

async function readConfiguration(
  path: string | undefined,
  env: Terminal["env"],
  cwd: string,
): Promise<Pick<Where, "address" | "key"> & { readonly hasMistakes: boolean }> {
  let text: Secret | undefined;
  const loaded = await loadConfig({
    path,
    env,
    cwd,
    onAdminKey: (key) => {
      text = key;
    },
  });
  const isVariable = loaded.sourceOf("server.admin.key") === "environment";
  const source = isVariable ? keyVariable : (loaded.file ?? "the configuration");
  return {
    // A running Olla goes on with what it has when somebody saves a file with a mistake.
    address: addressFrom(loaded.drafts.listener),
    key: text && { text, source },
    hasMistakes: loaded.config === undefined,
  };
}

function keyFromVariable(env: Terminal["env"]): Where["key"] {
  const text = interpolate(env[keyVariable] ?? "", env).text.trim();
  return text === "" ? undefined : { text: new Secret(text), source: keyVariable };
}

async function readKey(file: string, cwd: string): Promise<Where["key"]> {
  const key = (await readNamedFile("--key-file", file, cwd)).replace(/^\uFEFF/, "").trim();
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new AskError(`--key-file: expected one key without spaces in it: ${harmless(file)}`);
  }
  return { text: new Secret(key), source: `--key-file ${harmless(file)}` };
}

async function readAuthority(file: string, cwd: string): Promise<string> {
  const text = await readNamedFile("--ca", file, cwd);
  const fault = findCaFault(text);
  if (fault !== undefined) throw new AskError(`--ca: ${fault}: ${harmless(file)}`);
  return text;
}

async function readNamedFile(flag: string, file: string, cwd: string): Promise<string> {
  if (file === "") throw new UsageError(`${flag}: expected a file, got nothing`);
  try {
    return await readFile(resolve(cwd, file), "utf8");
  } catch (error) {
    const reason = describeFileError(error) ?? "it does not exist";
    throw new AskError(`${flag}: expected a readable file, but ${reason}: ${harmless(file)}`, {
      cause: error,
    });
  }
}

function connectTo(where: Where): RunningOlla {
  const { address, key, tls, timeoutMs } = where;
  const headers = new Headers({ Accept: "application/json" });
  if (key !== undefined) headers.set("Authorization", `Bearer ${key.text.reveal()}`);
  const unix = address.socketPath;
  const through: FetchLike = (url, init) =>
    fetch(url, { ...init, ...tlsFor(tls, address), ...(unix === undefined ? {} : { unix }) });
  return {
    shown: address.shown,
    async ask(path) {
      let result: HttpGetResult;
      try {
        result = await httpGet(address.base + path, {
          headers,
          timeoutMs,
          maxBytes,
          fetch: through,
        });
      } catch (error) {
        throw new AskError(describeSilence(error, address), { cause: error });
      }
      const body = parseJson(new TextDecoder().decode(result.body));
      // Many a server answers anything with some JSON.
      const isOlla = result.headers.has("x-olla-request-id");
      if (result.status === 200 && isOlla && isObject(body)) return body;
      throw refusal(result, body, where);
    },
  };
}

function tlsFor(tls: ClientTls, { base, isThisMachine }: OllaAddress): Pick<BunFetchRequestInit, "tls"> {
  if (!base.startsWith("https:")) return {};
  // Its certificate is for the name that clients use, which need not be localhost.
  return { tls: isThisMachine ? { ...tls, checkServerIdentity: () => undefined } : tls };
}

function describeSilence(error: unknown, { shown, base, socketPath }: OllaAddress): string {
  const cure = "is Olla running? Start it with `olla`, or say where it is with --url";
  if (error instanceof HttpGetTimeout) {
    return `no answer from ${shown} within ${error.timeoutMs / 1000}s. Is it Olla's address? Else say where it is with --url`;
  }
  const code = errorCodeOf(error) ?? "";
  if (socketPath !== undefined && code === "ENOENT") return `there is no socket at ${shown}: ${cure}`;
  if (socketPath !== undefined && code === "EACCES") {
    return `the socket ${shown} is not for this user: ask as the user or the group that Olla runs as`;
  }
  switch (classifyNetworkError(error)) {
    case "connect_refused":
      return `nothing listens at ${shown}: ${cure}`;
    case "dns":
      return `nobody knows the name in ${shown}: look for a typo in it`;
    case "connect_timeout":
    case "unreachable":
      return `${shown} can't be reached: ${cure}`;
    case "tls":
      return describeTlsFailure(code, shown);
    case "reset":
    case "eof_before_head":
    case "malformed_response":
      return base.startsWith("https:")
        ? `${shown} hung up`
        : `${shown} does not answer as Olla would; perhaps it speaks https there: say so with --url https://…`;
    default:
      return `${shown} could not be asked: ${harmless(error instanceof Error ? error.message : String(error))}`;
  }
}

function describeTlsFailure(code: string, shown: string): string {
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return `${shown} does not speak TLS, or asks for a client's certificate: try it as http://`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH") {
    return `the certificate of ${shown} is for another name: ask with a name that it carries`;
  }
  const reason = code === "CERT_HAS_EXPIRED" ? "has expired" : "can't be verified";
  return `the certificate of ${shown} ${reason} (${harmless(code)}): give the file of its authority with --ca`;
}

function refusal(result: HttpGetResult, body: unknown, { address, key }: Where): AskError {
  const { status, headers } = result;
  const { shown } = address;
  const error = isObject(body) && isObject(body.error) ? body.error : {};
  const code = headers.get("x-olla-error") ?? undefined;
  const message = typeof error.message === "string" ? harmless(error.message) : "";
  const answer = { code, status };
  if (code === undefined) {
    const type = harmless(headers.get("content-type") ?? "no content type");
    return new AskError(
      `${shown} answers, but not as Olla does (HTTP ${status}, ${type}): say where Olla is with --url`,
      answer,
    );
  }
  if (status === 401) {
    const cure = `set ${keyVariable} to it, or give a file that holds it with --key-file`;
    return new AskError(
      key === undefined
        ? `${shown} asks for the admin key: ${cure}`
        : `${shown} has another admin key than the one from ${key.source}: ${cure}`,
      answer,
    );
  }
  if (status === 403) return new AskError(`${shown} refuses: ${message}${cureForbidden(code)}`, answer);
  return new AskError(`${shown} answers with HTTP ${status}: ${message}`, answer);
}

function cureForbidden(code: string): string {
  if (code === "forbidden") {
    return `. Ask on that machine; or set server.admin.key there, and ${keyVariable} or --key-file here`;
  }
  return code === "unknown_host" ? ". Ask for it by its address, or name it in allowed_hosts there" : "";
}
