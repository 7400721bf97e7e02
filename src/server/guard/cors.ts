import { matchOneStar } from "./host-guard.ts";

export interface CorsSettings {
  /** One `*` inside stands for anything. */
  readonly origins: readonly string[];
  /** None: GET, POST and HEAD. */
  readonly methods: readonly string[];
  /** None: accept, content-type and x-requested-with. `*` is every one. */
  readonly requestHeaders: readonly string[];
  /** None: those in `answerHeaders`. */
  readonly exposedHeaders: readonly string[];
  readonly hasCredentials: boolean;
  readonly maxAgeSeconds: number;
}

/** What Olla says to browsers about pages of other sites. */
export interface Cors {
  /** Whether a page may call at all. */
  readonly admits: (origin: string) => boolean;
  /** The answer to a preflight request, and undefined for every other one. */
  answerPreflight(request: Request): Response | undefined;
  /** Adds to an answer's headers what its page has to know, whatever the answer is. */
  mark(request: Request, answer: Headers): void;
}

/** Every header of ours that an answer may have: `docs/headers.md`. */
export const answerHeaders: readonly string[] = [
  "X-Olla-Request-ID",
  "X-Olla-Endpoint",
  "X-Olla-Backend-Type",
  "X-Olla-Model",
  "X-Olla-Response-Time",
  "X-Olla-Routing-Strategy",
  "X-Olla-Routing-Decision",
  "X-Olla-Routing-Reason",
  "X-Olla-Attempts",
  "X-Olla-Queue-Time",
  "X-Olla-Queue-Depth",
  "X-Olla-Tier",
  "X-Olla-Sticky-Session",
  "X-Olla-Sticky-Key-Source",
  "X-Olla-Session-ID",
  "X-Olla-Mode",
  "X-Olla-Dropped-Tools",
  "X-Olla-Token-Count",
  "X-Olla-Error",
];
const usualMethods = ["GET", "POST", "HEAD"];
const usualRequestHeaders = ["accept", "content-type", "x-requested-with"];
const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

export function createCors(settings: CorsSettings): Cors {
  const isForAll = settings.origins.includes("*");
  const patterns = settings.origins.map((origin) => matchOneStar(origin.toLowerCase()));
  const methods = new Set(orElse(settings.methods, usualMethods).map((method) => method.toUpperCase()));
  const names = new Set(
    orElse(settings.requestHeaders, usualRequestHeaders).map((name) => name.toLowerCase()),
  );
  const exposed = orElse(settings.exposedHeaders, answerHeaders).join(", ");

  const admits = (origin: string) => {
    const wanted = origin.toLowerCase();
    return patterns.some((matches) => matches(wanted));
  };
  const areAllowed = (wanted: string) =>
    names.has("*") ||
    wanted.split(",").every((name) => name.trim() === "" || names.has(name.trim().toLowerCase()));
  const allow = (origin: string, answer: Headers) => {
    answer.set("Access-Control-Allow-Origin", isForAll ? "*" : origin);
    if (settings.hasCredentials) answer.set("Access-Control-Allow-Credentials", "true");
  };

  return {
    admits,
    answerPreflight({ method, headers }) {
      const wantedMethod = method === "OPTIONS" ? headers.get("access-control-request-method") : null;
      if (wantedMethod === null) return undefined;
      const answer = new Headers({ Vary: preflightVary });
      const origin = headers.get("origin");
      const wantedHeaders = headers.get("access-control-request-headers") ?? "";
      if (
        origin !== null &&
        admits(origin) &&
        methods.has(wantedMethod.toUpperCase()) &&
        areAllowed(wantedHeaders)
      ) {
        allow(origin, answer);
        answer.set("Access-Control-Allow-Methods", wantedMethod);
        if (wantedHeaders !== "") answer.set("Access-Control-Allow-Headers", wantedHeaders);
        if (settings.maxAgeSeconds > 0) answer.set("Access-Control-Max-Age", String(settings.maxAgeSeconds));
      }
      return new Response(null, { status: 204, headers: answer });
    },
    mark({ method, headers }, answer) {
      answer.append("Vary", "Origin");
      const origin = headers.get("origin");
      if (origin === null || !methods.has(method) || !admits(origin)) return;
      allow(origin, answer);
      answer.set("Access-Control-Expose-Headers", exposed);
    },
  };
}

function orElse(given: readonly string[], usual: readonly string[]): readonly string[] {
  return given.length === 0 ? usual : given;
}
