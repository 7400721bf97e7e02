import { isIP } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { errorCodeOf } from "../../lib/error-code.ts";
import { type ExaminationOptions, hostOf, inTime, type Patient, portOf, type Step } from "./step.ts";

const dayMs = 86_400_000;
const soonDays = 14;

interface Shaken {
  readonly certificate: PeerCertificate;
  readonly protocol: string | null;
  /** A code of OpenSSL's; `undefined` where the certificate is trusted. */
  readonly fault: string | undefined;
}

/** @returns `undefined` for an endpoint that is asked without TLS */
export async function examineCertificate(
  patient: Patient,
  options: ExaminationOptions,
): Promise<Step | undefined> {
  const { endpoint } = patient;
  if (!endpoint.origin.startsWith("https:")) return undefined;
  const startedAt = options.clock.now();
  const took = () => ({ tookMs: options.clock.now() - startedAt });
  let shaken: Shaken;
  try {
    shaken = await shakeHands(patient, options);
  } catch (error) {
    return { name: "tls", verdict: "wrong", ...describeNoHandshake(error, endpoint.origin), ...took() };
  }
  const faults = findFaults(shaken, patient, options.clock.wallTime());
  const [first] = faults;
  if (first === undefined) return { name: "tls", ...describeTrusted(shaken, options), ...took() };
  const isAccepted = endpoint.tls?.rejectUnauthorized === false;
  return {
    name: "tls",
    verdict: isAccepted ? "note" : "wrong",
    text: faults.map(({ text }) => text).join("; ") + (isAccepted ? "; accepted all the same" : ""),
    cure: isAccepted
      ? "tls.insecure_skip_verify lets whoever is on the way read along"
      : faults.map(({ cure }) => cure).join("; "),
    ...took(),
  };
}

/** Whether somebody speaks TLS at the endpoint's port, for an address that says http. */
export async function speaksTls(patient: Patient, options: ExaminationOptions): Promise<boolean> {
  return shakeHands(patient, options).then(
    () => true,
    () => false,
  );
}

async function shakeHands({ endpoint }: Patient, options: ExaminationOptions): Promise<Shaken> {
  const host = hostOf(endpoint);
  const { promise, resolve, reject } = Promise.withResolvers<Shaken>();
  const servername = endpoint.tls?.serverName ?? host;
  const socket: TLSSocket = connect({
    host,
    port: portOf(endpoint),
    // Seen as it is, so that all that is wrong with it can be told, and not the first thing only.
    rejectUnauthorized: false,
    ...(isIP(servername) === 0 && { servername }),
    ...(endpoint.tls?.ca !== undefined && { ca: endpoint.tls.ca }),
  });
  socket.once("secureConnect", () => {
    const error: unknown = socket.authorizationError;
    const code = errorCodeOf(error) ?? String(error ?? "");
    resolve({
      certificate: socket.getPeerCertificate(),
      protocol: socket.getProtocol(),
      fault: code === "" ? undefined : code,
    });
  });
  socket.on("error", reject);
  socket.once("close", () => reject(new Error("closed without a handshake")));
  try {
    return await inTime(promise, options.stepMs, options.clock);
  } finally {
    socket.destroy();
  }
}

function describeNoHandshake(error: unknown, origin: string): Pick<Step, "text" | "cure"> {
  const code = errorCodeOf(error) ?? "";
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "EPROTO") {
    const plain = origin.replace(/^https:/, "http:");
    return { text: "what answers there does not speak TLS", cure: `write url: ${plain}` };
  }
  if (error instanceof Error && error.name === "TimeoutError") {
    return { text: "no TLS handshake in time", cure: `does it speak https at this port? Else write http://` };
  }
  return {
    text: `the TLS handshake was broken off${code === "" ? "" : ` (${code})`}`,
    cure: "it may want a client's certificate, which Olla has none to show, or speak another protocol at this port",
  };
}

interface Fault {
  readonly text: string;
  readonly cure: string;
}

function findFaults({ certificate, fault }: Shaken, { endpoint }: Patient, wallTime: number): Fault[] {
  const faults: Fault[] = [];
  const name = endpoint.tls?.serverName ?? hostOf(endpoint);
  const until = Date.parse(certificate.valid_to);
  const from = Date.parse(certificate.valid_from);
  if (wallTime > until) {
    faults.push({
      text: `the certificate expired on ${dayOf(until)}`,
      cure: "renew it on that machine",
    });
  } else if (wallTime < from) {
    faults.push({
      text: `the certificate is not valid before ${dayOf(from)}`,
      cure: "compare the clocks of both machines",
    });
  }
  if (checkServerIdentity(name, certificate) !== undefined) {
    const names = certificate.subjectaltname?.replaceAll("IP Address:", "").replaceAll("DNS:", "") ?? "none";
    faults.push({
      text: `the certificate is not for ${name}; its names: ${names}`,
      cure: "write one of its names in url, or in tls.server_name",
    });
  }
  // What OpenSSL reports is the first fault only; with one of those above, whom to trust is a question for later.
  if (faults.length === 0 && fault !== undefined)
    faults.push(describeDistrust(fault, certificate, endpoint.tls?.ca));
  return faults;
}

function describeDistrust(code: string, { issuer, subject }: PeerCertificate, ca: string | undefined): Fault {
  const isSelfMade = issuer?.CN !== undefined && issuer.CN === subject?.CN;
  const who = isSelfMade ? "itself" : `"${String(issuer?.CN ?? "somebody unnamed")}"`;
  return {
    text: `the certificate is vouched for by ${who}, whom this machine does not know (${code})`,
    cure:
      ca === undefined
        ? "set tls.ca of the endpoint to the file of that authority's certificate"
        : "tls.ca is the file of another authority; or that server leaves out the certificates in between",
  };
}

function describeTrusted(
  { certificate, protocol }: Shaken,
  { clock }: ExaminationOptions,
): Pick<Step, "verdict" | "text" | "cure"> {
  const until = Date.parse(certificate.valid_to);
  const days = Math.floor((until - clock.wallTime()) / dayMs);
  const text = `${protocol ?? "TLS"}, certificate valid until ${dayOf(until)}`;
  if (days >= soonDays) return { verdict: "well", text };
  return {
    verdict: "note",
    text: `${text}, which is in ${days} days`,
    cure: "renew it on that machine in time",
  };
}

function dayOf(wallTime: number): string {
  return new Date(wallTime).toISOString().slice(0, 10);
}
