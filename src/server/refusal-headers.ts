import { OllaError } from "../errors.ts";
import { AdminKeyMissing } from "./guard/admin-guard.ts";

/** A route that is there, asked in a way that it does not know. */
export class MethodNotAllowed extends OllaError {
  /** For the header `Allow`. */
  readonly allow: string;

  constructor(message: string, allow: string) {
    super("method_not_allowed", message);
    this.allow = allow;
  }
}

/** What some refusals have to say in a header, besides what all of them say. */
export function refusalHeaders(error: OllaError): readonly (readonly [name: string, value: string])[] {
  if (error instanceof MethodNotAllowed) return [["Allow", error.allow]];
  if (error instanceof AdminKeyMissing) return [["WWW-Authenticate", error.challenge]];
  // RFC 9110 §15.5.22 wants the protocol to be named that will do, and §7.8 the connection to say so.
  if (error.code === "upgrade_required") {
    return [
      ["Upgrade", "HTTP/1.1"],
      ["Connection", "Upgrade"],
    ];
  }
  return [];
}
