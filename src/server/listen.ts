import { constants } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { errorCodeOf } from "../lib/error-code.ts";
import type { Secret } from "../lib/secret.ts";
import type { ConnectionControl } from "./connection.ts";
import { renderUnexpected } from "./render-error.ts";
import { admitGroup, socketPathOf } from "./unix-socket.ts";

export interface ListenOptions {
  /** Name or address, IPv6 with or without brackets; or `unix:` and a path, which has no port. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The key that sets it, for messages; `server.port` when not given. */
  readonly portKey?: string;
  readonly fetch: (request: Request, connection: ConnectionControl) => Response | Promise<Response>;
  /** Seconds of silence after which a connection is closed; 0 switches that off. Bun's limit is 255. */
  readonly idleTimeoutSeconds: number;
  /** Undefined: plain http. */
  readonly tls?: ListenerTls | undefined;
  readonly clock: Clock;
  /** Told about what escaped every other handler. */
  readonly onUnexpectedError: (error: unknown) => void;
  /** Told once for each renewal in which somebody else took the port. */
  readonly onPortLost?: (error: unknown) => void;
}

/** What the listener shows and demands; PEM throughout, and known to fit together. */
export interface ListenerTls {
  /** The server's own certificate first. */
  readonly cert: string;
  readonly key: Secret;
  /** When set, clients have to show a certificate of one of these authorities. */
  readonly clientCa: string | undefined;
  readonly minVersion: "1.2" | "1.3";
}

export interface Listener {
  /** Without a trailing slash; a wildcard address is written as `localhost`, a Unix socket as `unix:` and its path. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops accepting and closes idle connections at once, waits for what is under way, and cuts what is left after
   * `graceMs`. Resolves with how it ended; calling it again with a shorter grace only shortens the wait.
   */
  stop(graceMs: number): Promise<"drained" | "aborted">;
  /**
   * New connections meet the given certificate; answers under way go on over the connections that they have. The port
   * is closed for less than a millisecond. Should it be taken in that time, opening it is tried until it is free.
   */
  renew(tls: ListenerTls): void;
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

const reopenEveryMs = 100;

/** @throws ListenError when the port can't be opened. */
export function listen(options: ListenOptions): Listener {
  const hostname = options.host.replace(/^\[(.*)\]$/, "$1");
  const place: Place = { hostname, port: options.port };
  const first = openPort(place, options.tls, options);
  const port = first.port ?? options.port;
  const generations = new Generations(first, { ...place, port }, options);
  const scheme = options.tls === undefined ? "http" : "https";
  return {
    url: socketPathOf(hostname) === undefined ? `${scheme}://${hostInUrl(hostname)}:${port}` : hostname,
    port,
    stop: (graceMs) => generations.stop(graceMs),
    renew: (tls) => generations.renew(tls),
  };
}

interface Place {
  readonly hostname: string;
  readonly port: number;
}

type Server = Bun.Server<undefined>;

/**
 * The server that takes connections, and those before it that still have answers under way. `server.reload` would keep
 * the old certificate without a word, so a new certificate is a new server.
 */
class Generations {
  readonly #place: Place;
  readonly #options: ListenOptions;
  /** Undefined while the port could not be opened again. */
  #current: Server | undefined;
  /** With the promise of each that its last answer has ended. */
  readonly #ending = new Map<Server, Promise<void>>();
  #cancelReopening = () => {};
  #isStopping = false;

  constructor(first: Server, place: Place, options: ListenOptions) {
    this.#current = first;
    this.#place = place;
    this.#options = options;
  }

  renew(tls: ListenerTls): void {
    if (this.#isStopping) return;
    this.#cancelReopening();
    // In one turn with the opening: whoever connects in between is refused.
    this.#endCurrent();
    this.#reopen(tls, this.#options.onPortLost ?? this.#options.onUnexpectedError);
  }

  #reopen(tls: ListenerTls, onFailure: (error: unknown) => void): void {
    try {
      this.#current = openPort(this.#place, tls, this.#options);
    } catch (error) {
      onFailure(error);
      this.#cancelReopening = this.#options.clock.after(reopenEveryMs, () => this.#reopen(tls, () => {}));
    }
  }

  #endCurrent(): void {
    const server = this.#current;
    if (server === undefined) return;
    this.#current = undefined;
    const ended = server.stop().finally(() => this.#ending.delete(server));
    this.#ending.set(server, ended);
  }

  async stop(graceMs: number): Promise<"drained" | "aborted"> {
    this.#isStopping = true;
    this.#cancelReopening();
    this.#endCurrent();
    const drained = Promise.all(this.#ending.values()).then(() => "drained" as const);
    const late = Promise.withResolvers<"late">();
    const cancelTimer = this.#options.clock.after(graceMs, () => late.resolve("late"));
    try {
      if ((await Promise.race([drained, late.promise])) === "drained") return "drained";
      await Promise.all([...this.#ending.keys()].map((server) => server.stop(true)));
      return "aborted";
    } finally {
      cancelTimer();
    }
  }
}

function openPort({ hostname, port }: Place, tls: ListenerTls | undefined, options: ListenOptions): Server {
  const unix = socketPathOf(hostname);
  // Bun's types know of no idle timeout on a Unix socket, but it counts there like elsewhere.
  const address: object = unix === undefined ? { hostname, port } : { unix };
  try {
    const server = Bun.serve({
      ...address,
      idleTimeout: Math.min(options.idleTimeoutSeconds, maxIdleTimeoutSeconds),
      maxRequestBodySize: bodySizeCeiling,
      // The default sends source code to clients.
      development: false,
      // Without development mode Bun shares the port with whoever has it, and connections go to either at random.
      reusePort: false,
      fetch: options.fetch,
      ...(tls && { tls: tlsOptions(tls) }),
      error(error) {
        options.onUnexpectedError(error);
        return renderUnexpected();
      },
    });
    if (unix !== undefined) admitGroup(unix);
    return server;
  } catch (cause) {
    throw describeFailure(cause, { hostname, port }, options.portKey);
  }
}

function tlsOptions({ cert, key, clientCa, minVersion }: ListenerTls): Bun.TLSOptions {
  return {
    cert,
    key: key.reveal(),
    // TLS 1.0 and 1.1 the runtime refuses by itself.
    ...(minVersion === "1.3" && { secureOptions: constants.SSL_OP_NO_TLSv1_2 }),
    ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

function describeFailure(cause: unknown, { hostname, port }: Place, portKey = "server.port"): ListenError {
  const code = errorCodeOf(cause) ?? "UNKNOWN";
  const isSocket = socketPathOf(hostname) !== undefined;
  if (isSocket) return new ListenError(code, `cannot listen on ${hostname}: ${socketReason(code)}`, cause);
  const address = `${bracketed(hostname)}:${port}`;
  return new ListenError(code, `cannot listen on ${address}: ${reasonFor(code, portKey)}`, cause);
}

function reasonFor(code: string, portKey: string): string {
  switch (code) {
    case "EADDRINUSE":
      return `the port is in use by another program (set ${portKey} to a free one)`;
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

function socketReason(code: string): string {
  switch (code) {
    case "EADDRINUSE":
      return "another program listens there, or it is a file of another kind";
    case "EACCES":
    case "EPERM":
      return "not permitted (see the rights of its folder)";
    case "ENOENT":
      return "its folder does not exist";
    case "ENAMETOOLONG":
      return "the path is too long (about 100 characters are possible)";
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
