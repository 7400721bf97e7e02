import type { Candidate, Candidates } from "../balancer/balancer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { OllaError } from "../errors.ts";
import type { ContextOf } from "./context-fit.ts";
import type { Exchange } from "./exchange.ts";
import type { EndpointInView } from "./prospect.ts";
import type { RefreshNeeded, Rejection, Route } from "./route.ts";
import { readFlag } from "./sender.ts";

/** Why an endpoint is out of the question for a request; undefined where it is not. */
export type Barrier = (endpoint: Endpoint) => OllaError | undefined;

type Routed = Route | Rejection | RefreshNeeded;

const localOnlyHeader = "x-olla-local-only";

/**
 * Who has said that a request must not leave the local endpoints; undefined where nobody has. What a key or a route has
 * said no header takes back.
 * @throws OllaError `invalid_request` for a header that says neither yes nor no: it may have meant yes
 */
export function findLocalOnly({ request, clientKey, isLocalRoute }: Exchange): string | undefined {
  const asked = readFlag(request.headers, localOnlyHeader);
  if (clientKey?.isLocalOnly === true) return "its key is for local endpoints only";
  if (isLocalRoute === true) return "its route leads to local endpoints only";
  return asked === true ? "its header X-Olla-Local-Only says so" : undefined;
}

/** For requests that must not leave the local endpoints. */
export function barCloud(cause: string): Barrier {
  const error = new OllaError(
    "no_local_endpoint",
    `No local endpoint can answer this request now, and it may not go to one of the tier "cloud": ${cause}`,
  );
  return ({ isCloud }) => (isCloud === true ? error : undefined);
}

/**
 * Decides among the endpoints that nothing bars. Where none of them will do, and a barred one would have done, what bars
 * it is the answer.
 */
export function routeWithin(
  endpoints: readonly EndpointInView[],
  barrier: Barrier,
  decide: (endpoints: readonly EndpointInView[]) => Routed,
): Routed {
  const open = endpoints.filter(({ endpoint }) => barrier(endpoint) === undefined);
  if (open.length === endpoints.length) return decide(endpoints);
  const routed = decide(open);
  if (!("error" in routed)) return routed;
  const unbarred = decide(endpoints);
  if (!("candidates" in unbarred)) return routed;
  for (const { endpoint } of unbarred.candidates) {
    const error = barrier(endpoint);
    if (error !== undefined) return { error, decision: routed.decision };
  }
  return routed;
}

/**
 * Puts cloud candidates behind the local ones, whatever their priorities and an alias's order say, and behind both the
 * local ones that are known to be too small for the request.
 */
export function arrangeTiers(
  candidates: Candidates,
  isLongerThan: (tokens: number) => boolean,
  contextOf: ContextOf,
): Candidates {
  const isCloud = ({ endpoint }: Candidate) => endpoint.isCloud === true;
  const clouds = candidates.filter(isCloud);
  if (clouds.length === 0 || clouds.length === candidates.length) return candidates;
  const isTooSmall = (candidate: Candidate) => {
    const context = contextOf(candidate);
    return context !== undefined && context > 0 && isLongerThan(context);
  };
  const canHelp = clouds.some((candidate) => !isTooSmall(candidate));
  const unfit = new Set(canHelp ? candidates.filter((each) => !isCloud(each) && isTooSmall(each)) : []);
  const isOverflow = unfit.size + clouds.length < candidates.length;
  const step = 1 + Math.max(...candidates.map(({ rank }) => rank ?? 0));
  const place = (candidate: Candidate): Candidate => {
    const tiersBefore = unfit.has(candidate) ? 2 : isCloud(candidate) ? 1 : 0;
    if (tiersBefore === 0) return candidate;
    return { ...candidate, rank: (candidate.rank ?? 0) + tiersBefore * step, isOverflow };
  };
  const [first, ...others] = candidates;
  return [place(first), ...others.map(place)];
}
