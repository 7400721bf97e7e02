import type { Candidate, TrafficShare } from "../balancer/balancer.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { EndpointStatus } from "../endpoints/endpoint-status.ts";

/** One entry of the endpoint registry's snapshot. */
export interface EndpointInView {
  readonly endpoint: Endpoint;
  readonly health: { readonly status: EndpointStatus };
  readonly isDraining?: boolean | undefined;
}

/** What routing asks of the model catalog about names. */
export interface PlacesView {
  /** Every endpoint that has the model, whatever its health, and how it is spelled there; the name in any case. */
  placesOf(modelName: string): readonly ModelPlaceInView[];
}

export interface ModelPlaceInView {
  readonly endpointName: string;
  readonly model: { readonly name: string };
}

/** A candidate in the making, while routing still chooses. */
export interface Prospect extends EndpointInView {
  /** As the endpoint spells it; undefined where it is not known to have the model. */
  readonly nativeName: string | undefined;
  /** What an alias wants the endpoint to be asked for, where `nativeName` does not say it. */
  readonly targetName?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Lower ones are used first. */
  readonly rank: number;
  readonly share?: TrafficShare;
}

const latestTag = ":latest";

/** The endpoints that have the model, in their order. */
export function prospectsAt(
  places: readonly ModelPlaceInView[],
  endpoints: readonly EndpointInView[],
): readonly Prospect[] {
  if (places.length === 0) return [];
  return endpoints.flatMap(({ endpoint, health }) => {
    const place = placeAt(places, endpoint.name);
    return place === undefined ? [] : { endpoint, health, nativeName: place.model.name, rank: 0 };
  });
}

/** Endpoints that would be asked for the client's name as it is. */
export function prospectsByTrust(endpoints: readonly EndpointInView[]): readonly Prospect[] {
  return endpoints.map(({ endpoint, health }) => ({ endpoint, health, nativeName: undefined, rank: 0 }));
}

export function placeAt(
  places: readonly ModelPlaceInView[],
  endpointName: string,
): ModelPlaceInView | undefined {
  return places.find((place) => place.endpointName === endpointName);
}

/** @param asked the client's text */
export function toCandidate(prospect: Prospect, asked: string | undefined): Candidate {
  const { endpoint, health, nativeName, targetName, params, rank, share } = prospect;
  const wanted = nativeName ?? targetName;
  const isTextRight =
    wanted === undefined || wanted === asked || (nativeName !== undefined && isTagged(nativeName, asked));
  if (isTextRight && params === undefined && rank === 0 && share === undefined) {
    return { endpoint, status: health.status, model: asked };
  }
  return {
    endpoint,
    status: health.status,
    model: isTextRight || sameButForCase(wanted, asked) ? asked : wanted,
    bodyModel: isTextRight ? undefined : wanted,
    bodyDefaults: params !== undefined && Object.keys(params).length > 0 ? params : undefined,
    rank,
    share,
  };
}

/** What lists a tag that the client left out adds it by itself. */
function isTagged(native: string, asked: string | undefined): boolean {
  return (
    asked !== undefined &&
    native.length === asked.length + latestTag.length &&
    native.endsWith(latestTag) &&
    native.startsWith(asked)
  );
}

function sameButForCase(name: string, asked: string | undefined): boolean {
  const [native, wanted] = [name.toLowerCase(), asked?.toLowerCase()];
  return native === wanted || native === `${wanted}${latestTag}`;
}
