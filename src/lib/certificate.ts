import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { errorCodeOf } from "./error-code.ts";

/** What a TLS listener shows and demands, as PEM. */
export interface TlsTexts {
  /** The server's own certificate first, then those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of clients; undefined: clients need no certificate. */
  readonly clientCa: string | undefined;
}

export type TlsPart = "cert" | "key" | "client_ca";

/** `message` says what was expected and how to get there; it never holds a part of a key. */
export interface TlsFault {
  readonly part: TlsPart;
  readonly message: string;
}

const certificatePattern = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END [A-Z0-9 ]+-----/g;
const keyPattern = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
const encryptedPattern = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/;
const dayMs = 86_400_000;
const soonDays = 14;

/** Everything that keeps a listener from using the texts; empty when it can. */
export async function findTlsFaults(texts: TlsTexts): Promise<TlsFault[]> {
  const faults: TlsFault[] = [];
  const chain = readCertificates(texts.cert);
  if (typeof chain === "string") {
    const isKey = keyPattern.test(texts.cert) && !keyPattern.test(texts.key);
    const message = isKey ? "expected a certificate, got a private key; are cert and key swapped?" : chain;
    faults.push({ part: "cert", message });
  }
  const key = readKey(texts.key);
  if (typeof key === "string") faults.push({ part: "key", message: key });
  if (texts.clientCa !== undefined) {
    const message = findCaFault(texts.clientCa);
    if (message !== undefined) faults.push({ part: "client_ca", message });
  }
  if (typeof chain === "string" || typeof key === "string") return faults;
  const [own, ...others] = chain;
  if (own !== undefined && !own.checkPrivateKey(key)) {
    const isLater = others.some((certificate) => certificate.checkPrivateKey(key));
    const message = isLater
      ? "expected the server's own certificate first, got it behind another one; turn the order around"
      : "expected the private key of the certificate in server.tls.cert, got another one; both have to come from the same request";
    faults.push({ part: isLater ? "cert" : "key", message });
  }
  if (faults.length > 0) return faults;
  const refusal = await tryOut(texts);
  return refusal === undefined ? [] : [{ part: "cert", message: refusal }];
}

/** What is wrong with a file of certificate authorities; undefined when nothing is. */
export function findCaFault(text: string): string | undefined {
  const certificates = readCertificates(text);
  return typeof certificates === "string" ? certificates : undefined;
}

/** Until when the server's own certificate counts, in milliseconds since the epoch. Takes texts without faults. */
export function expiryOf(cert: string): number {
  return Date.parse(ownCertificate(cert)?.validTo ?? "");
}

/** Why clients refuse the server's own certificate today; undefined when it is within its time. */
export function findDateFault(cert: string, wallTime: number): string | undefined {
  const own = ownCertificate(cert);
  if (own === undefined) return undefined;
  const from = Date.parse(own.validFrom);
  const until = Date.parse(own.validTo);
  if (wallTime > until) return `the certificate expired on ${day(until)}; clients refuse it`;
  if (wallTime < from)
    return `the certificate is not valid before ${day(from)}; clients refuse it until then`;
  return undefined;
}

/** What clients will stumble over, although a listener can use the texts. `host` is what it listens on. */
export function findTlsAdvice(cert: string, host: string, wallTime: number): string[] {
  const own = ownCertificate(cert);
  if (own === undefined) return [];
  const advice: string[] = [];
  const fault = findDateFault(cert, wallTime);
  const leftDays = Math.floor((Date.parse(own.validTo) - wallTime) / dayMs);
  if (fault !== undefined) advice.push(fault);
  else if (leftDays < soonDays) {
    advice.push(`the certificate expires on ${day(Date.parse(own.validTo))}, in ${leftDays} days`);
  }
  const name = host.replace(/^\[(.*)\]$/, "$1");
  if (!isWildcard(name) && !covers(own, name)) {
    const names = own.subjectAltName?.replaceAll("IP Address:", "").replaceAll("DNS:", "") ?? "none";
    advice.push(
      `the certificate is not for ${JSON.stringify(name)}, which server.host says; its names: ${names}`,
    );
  }
  return advice;
}

function readCertificates(text: string): X509Certificate[] | string {
  const blocks = text.match(certificatePattern) ?? [];
  if (blocks.length === 0) return 'expected PEM with "-----BEGIN CERTIFICATE-----", got none';
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return "expected certificates, got at least one that is damaged";
  }
}

function readKey(text: string): KeyObject | string {
  if (encryptedPattern.test(text)) {
    return "expected a key without passphrase, got an encrypted one; `openssl pkey -in key.pem -out plain.pem` takes it off";
  }
  if (!keyPattern.test(text)) {
    const isCertificate = text.match(certificatePattern) !== null;
    const swapped = isCertificate ? "a certificate; are cert and key swapped?" : "none";
    return `expected PEM with "-----BEGIN PRIVATE KEY-----", got ${swapped}`;
  }
  try {
    return createPrivateKey(text);
  } catch {
    // The reason may quote the key.
    return "expected a private key, got one that is damaged or of a kind that TLS does not know";
  }
}

/** The last word has the library that will use them: it knows keys that are too short and curves that it lacks. */
async function tryOut({ cert, key, clientCa }: TlsTexts): Promise<string | undefined> {
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) });
    return undefined;
  } catch (error) {
    const code = errorCodeOf(error) ?? "no reason given";
    return `expected a pair that TLS can use, but it was refused (${code})`;
  }
}

function ownCertificate(cert: string): X509Certificate | undefined {
  const certificates = readCertificates(cert);
  return typeof certificates === "string" ? undefined : certificates[0];
}

function covers(certificate: X509Certificate, name: string): boolean {
  const found = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return found !== undefined;
}

function isWildcard(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::" || host.startsWith("unix:");
}

function day(wallTime: number): string {
  return new Date(wallTime).toISOString().slice(0, 10);
}
