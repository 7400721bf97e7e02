import type { Clock } from "../lib/clock.ts";
import type { ConnectionControl } from "./connection.ts";
import { renderUnexpected } from "./render-error.ts";

export interface ListenOptions {
  /** Name or address; IPv6 with or without brackets. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly fetch: (request: Request, connection: ConnectionControl) => Response | Promise<Response>;
  /** Seconds of silence after which a connection is closed; 0 switches that off. Bun's limit is 255. */
  readonly idleTimeoutSeconds: number;
  readonly clock: Clock;
  /** Told about what escaped every other handler. */
  readonly onUnexpectedError: (error: unknown) => void;
}

export interface Listener {
  /** Without a trailing slash; a wildcard address is written as `localhost`. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops accepting and closes idle connections at once, waits for what is under way, and cuts what is left after
   * `graceMs`. Resolves with how it ended; calling it again with a shorter grace only shortens the wait.
   */
  stop(graceMs: number): Promise<"drained" | "aborted">;
}

/** A port that could not be opened. `message` is one line for the operator; `code` is the system's. */
export class ListenError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.name = "ListenError";
    this.code = code;
  }
}

export const maxIdleTimeoutSeconds = 255;

// Bun answers a longer body with a bare 413 of its own. Ours speaks JSON and keeps the connection, so Bun's must
// never be reached.
const bodySizeCeiling = Number.MAX_SAFE_INTEGER;

/** @throws ListenError when the port can't be opened. */
export function listen(options: ListenOptions): Listener {
  const hostname = options.host.replace(/^\[(.*)\]$/, "$1");
  const server = openPort(hostname, options);
  const port = server.port ?? options.port;
  return {
    url: `http://${hostInUrl(hostname)}:${port}`,
    port,
    stop: (graceMs) => drain(server, graceMs, options.clock),
  };
}

function openPort(hostname: string, options: ListenOptions): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname,
      port: options.port,
      idleTimeout: Math.min(options.idleTimeoutSeconds, maxIdleTimeoutSeconds),
      maxRequestBodySize: bodySizeCeiling,
      // The default sends source code to clients.
      development: false,
      // Without development mode Bun shares the port with whoever has it, and connections go to either at random.
      reusePort: false,
      fetch: options.fetch,
      error(error) {
        options.onUnexpectedError(error);
        return renderUnexpected();
      },
    });
  } catch (cause) {
    throw describeFailure(cause, hostname, options.port);
  }
}

function describeFailure(cause: unknown, hostname: string, port: number): ListenError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "UNKNOWN";
  const address = `${bracketed(hostname)}:${port}`;
  return new ListenError(code, `cannot listen on ${address}: ${reasonFor(code)}`, cause);
}

function reasonFor(code: string): string {
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use by another program (set server.port to a free one)";
    case "EACCES":
      return "not permitted (ports below 1024 usually need more rights)";
    case "EADDRNOTAVAIL":
      return "this machine has no such address (see server.host)";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name cannot be resolved (see server.host)";
    default:
      return `the system refused (${code})`;
  }
}

function hostInUrl(hostname: string): string {
  return hostname === "" || hostname === "0.0.0.0" || hostname === "::" ? "localhost" : bracketed(hostname);
}

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

async function drain(
  server: Bun.Server<undefined>,
  graceMs: number,
  clock: Clock,
): Promise<"drained" | "aborted"> {
  const drained = server.stop().then(() => "drained" as const);
  const late = Promise.withResolvers<"late">();
  const cancelTimer = clock.after(graceMs, () => late.resolve("late"));
  try {
    if ((await Promise.race([drained, late.promise])) === "drained") return "drained";
    await server.stop(true);
    return "aborted";
  } finally {
    cancelTimer();
  }
}
