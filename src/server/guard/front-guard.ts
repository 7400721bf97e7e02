import { OllaError } from "../../errors.ts";
import type { Arrival } from "../arrival.ts";
import type { HostTest } from "./host-guard.ts";
import { findForeignPage } from "./origin-guard.ts";

export interface FrontGuardSettings {
  /** Undefined where the listener is not on loopback: there people use any name. */
  readonly knowsHost: HostTest | undefined;
  /** Whether CORS lets pages of an origin call; undefined where it is off. */
  readonly mayCall: ((origin: string) => boolean) | undefined;
  readonly hasBeenHere: (headers: Headers) => boolean;
}

/** What is refused before anybody asks who sent it, and before anything of its body is read. */
export type FrontGuard = (arrival: Arrival) => OllaError | undefined;

const openPath = "/internal/health";

export function createFrontGuard({ knowsHost, mayCall, hasBeenHere }: FrontGuardSettings): FrontGuard {
  return (arrival) => {
    if (arrival.path === openPath) return undefined;
    const { headers } = arrival.request;
    const host = headers.get("host");
    if (knowsHost !== undefined && !knowsHost(host) && !isNameOfCaller(host, mayCall))
      return unknownHost(host);
    const page = findForeignPage(arrival, mayCall);
    if (page !== undefined) return foreignPage(page);
    return hasBeenHere(headers) ? loop() : undefined;
  };
}

/** A page that may call from elsewhere gains nothing by a name that leads here. */
function isNameOfCaller(host: string | null, mayCall: FrontGuardSettings["mayCall"]): boolean {
  return mayCall !== undefined && (mayCall(`https://${host}`) || mayCall(`http://${host}`));
}

function unknownHost(host: string | null): OllaError {
  return new OllaError(
    "unknown_host",
    `This Olla listens on loopback only and is not called ${quote(host ?? "")}, as the header Host says. Ask for it as localhost or by an address, or name it in dashboard.access_policy.allowed_hosts`,
  );
}

function foreignPage(page: string): OllaError {
  return new OllaError(
    "foreign_origin",
    `A web page of ${page} may not call this Olla. To let it, switch on server.cors.enabled and name it in server.cors.allowed_origins`,
  );
}

function loop(): OllaError {
  return new OllaError(
    "loop_detected",
    "This request has been here before: an endpoint of this Olla leads back to it (the header Via tells)",
  );
}

/** A client may send anything here. */
function quote(text: string): string {
  return `"${text.slice(0, 100)}"`;
}
