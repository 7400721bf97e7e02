import { OllaError } from "../errors.ts";
import { networkOf } from "../lib/cidr.ts";
import type { Sender } from "../proxy/fair-line.ts";
import type { Exchange } from "./exchange.ts";

/** Priorities go from `-highestPriority` to this. */
export const highestPriority = 10;

const priorityHeader = "x-olla-priority";

/**
 * Whose turn a request takes where requests wait: its key's, else its address's. A client may put its request behind
 * others, but not before what its key allows; without keys everybody is allowed 0.
 * @throws OllaError `invalid_request` for a priority that is none
 */
export function senderOf({ request, clientKey, clientAddress }: Exchange): Sender {
  const allowed = Math.max(-highestPriority, Math.min(highestPriority, clientKey?.priority ?? 0));
  const asked = readPriority(request.headers);
  const client = clientKey === undefined ? `address ${networkOf(clientAddress)}` : `key ${clientKey.name}`;
  return { client, priority: asked === undefined ? allowed : Math.min(asked, allowed) };
}

function readPriority(headers: Headers): number | undefined {
  const text = headers.get(priorityHeader);
  if (text === null) return undefined;
  const priority = /^[+-]?\d{1,2}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Math.abs(priority) <= highestPriority) return priority;
  throw new OllaError(
    "invalid_request",
    `The header X-Olla-Priority must be a whole number from -${highestPriority} to ${highestPriority}`,
    { field: "X-Olla-Priority" },
  );
}

/** @throws OllaError `invalid_request` for what is neither yes nor no */
export function readFlag(headers: Headers, name: "x-olla-local-only"): boolean | undefined {
  const text = headers.get(name)?.trim().toLowerCase();
  if (text === undefined) return undefined;
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  const shown = "X-Olla-Local-Only";
  throw new OllaError("invalid_request", `The header ${shown} must be true, 1, false or 0`, { field: shown });
}
