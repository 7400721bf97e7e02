import { resolve } from "node:path";
import { findCaFault, findTlsAdvice, findTlsFaults, type TlsPart } from "../lib/certificate.ts";
import { Secret } from "../lib/secret.ts";
import type { Report, SecretSources } from "./endpoint-auth.ts";
import { describeFileError } from "./find-file.ts";
import { isMapping } from "./problem.ts";

/** The files of `server.tls`, read and found to fit together. */
export interface ServerTlsFiles {
  /** Absolute paths, to look whether the files have changed. */
  readonly files: Readonly<Record<TlsPart, string | undefined>>;
  /** PEM. */
  readonly cert: string;
  readonly key: Secret;
  readonly client_ca: string | undefined;
}

const serverParts = ["cert", "key", "client_ca"] as const;

/**
 * Reads the files that `server.tls` names. Types of single values, and that both are there, are the schema's business.
 * @param raw the section `server`, unchecked
 */
export async function readServerTls(
  raw: unknown,
  sources: SecretSources,
  report: Report,
): Promise<ServerTlsFiles | undefined> {
  const server = isMapping(raw) ? raw : {};
  const tls = isMapping(server.tls) ? server.tls : {};
  if (!isPath(tls.cert) || !isPath(tls.key)) return undefined;
  const files: Record<TlsPart, string | undefined> = {
    cert: undefined,
    key: undefined,
    client_ca: undefined,
  };
  const texts: Record<TlsPart, string | undefined> = { ...files };
  for (const part of serverParts) {
    const path = tls[part];
    if (!isPath(path)) continue;
    files[part] = resolve(sources.cwd, path);
    texts[part] = await readPem(path, sources, (message) => report(["server", "tls", part], message));
  }
  const { cert, key, client_ca: clientCa } = texts;
  if (cert === undefined || key === undefined) return undefined;
  const faults = await findTlsFaults({ cert, key, clientCa });
  for (const { part, message } of faults) {
    report(["server", "tls", part], `${message}: ${String(tls[part])}`);
  }
  if (faults.length > 0 || (clientCa === undefined && files.client_ca !== undefined)) return undefined;
  const host = typeof server.host === "string" ? server.host : "localhost";
  for (const advice of findTlsAdvice(cert, host, Date.now())) {
    report(["server", "tls", "cert"], `${advice}: ${tls.cert}`, "warning");
  }
  return { files, cert, key: new Secret(key), client_ca: clientCa };
}

/**
 * Reads the file that an endpoint's `tls` block names, and warns of what the block switches off.
 * @param raw the whole entry, unchecked @returns the text of `tls.ca`
 */
export async function readEndpointCa(
  raw: Readonly<Record<string, unknown>>,
  sources: SecretSources,
  report: Report,
): Promise<string | undefined> {
  const tls = isMapping(raw.tls) ? raw.tls : {};
  const skipsVerification = isOn(tls.insecure_skip_verify);
  const warn = (key: string, message: string) => report(["tls", key], message, "warning");
  const isHttps = typeof raw.url !== "string" || /^\s*https:/i.test(raw.url);
  const given = ["ca", "server_name"].filter((key) => isPath(tls[key]));
  if (!isHttps) {
    for (const key of skipsVerification ? [...given, "insecure_skip_verify"] : given) {
      warn(key, "has no effect, because the URL is not https");
    }
  } else if (skipsVerification) {
    warn(
      "insecure_skip_verify",
      "any certificate is accepted, so whoever is on the way can read and change everything, credentials too; tls.ca is safer",
    );
    if (given.includes("ca")) warn("ca", "has no effect, because tls.insecure_skip_verify is set");
  }
  if (!isPath(tls.ca)) return undefined;
  const complain = (message: string) => report(["tls", "ca"], message);
  const ca = await readPem(tls.ca, sources, complain);
  const fault = ca === undefined ? undefined : findCaFault(ca);
  if (fault !== undefined) complain(`${fault}: ${tls.ca}`);
  return ca;
}

async function readPem(
  path: string,
  { cwd, readFile }: SecretSources,
  complain: (message: string) => void,
): Promise<string | undefined> {
  try {
    return await readFile(resolve(cwd, path));
  } catch (error) {
    complain(`expected a readable file, but ${describeFileError(error) ?? "it does not exist"}: ${path}`);
    return undefined;
  }
}

/** YAML 1.1's words, as the schema takes them. */
function isOn(value: unknown): boolean {
  return value === true || (typeof value === "string" && /^(?:true|yes|y|on)$/i.test(value));
}

function isPath(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}
