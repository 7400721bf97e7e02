import type { ClientTls } from "../lib/client-tls.ts";
import type { Secret } from "../lib/secret.ts";
import type { Profile } from "../profiles/profile.ts";

/**
 * One configured backend. Immutable: a changed setting makes a new record under the same name, and the registry
 * swaps it in. Identity is `name`; a changed `url` under one name is a new endpoint.
 */
export interface Endpoint {
  readonly name: string;
  /** Stable public id: FNV-1a 32 of the sanitised URL in base 36, with `-N` where several endpoints share one. */
  readonly id: string;
  /** As shown to operators: no userinfo, query or fragment. */
  readonly url: string;
  /** `scheme://host:port`, without a trailing slash. */
  readonly origin: string;
  /** `""` or a path like `/api/v1`, without a trailing slash. */
  readonly basePath: string;
  /** Whether `basePath` stays in front of proxied paths. */
  readonly preservePath: boolean;
  readonly profile: Profile;
  /** True while the kind has to be found out (`type: auto`); discovery then swaps in a record with the found profile. */
  readonly isAutoDetected: boolean;
  readonly priority: number;
  /** Share within a priority tier, > 0. */
  readonly weight: number;
  readonly healthUrl: string;
  readonly modelsUrl: string;
  /** Whether the user wrote `model_url` (then nothing may second-guess it). */
  readonly hasOwnModelsUrl: boolean;
  readonly checkIntervalMs: number;
  readonly checkTimeoutMs: number;
  /** Sent with every request, probe and discovery; custom headers first, auth last, names unique ignoring case. */
  readonly requestHeaders: readonly (readonly [name: string, value: Secret])[];
  /** Lower-case names of `requestHeaders`: never relayed back to a client. */
  readonly secretHeaderNames: ReadonlySet<string>;
  /** Whether a discovered model name may be used here. */
  readonly admitsModel: (modelName: string) => boolean;
  readonly timeouts: EndpointTimeouts;
  /** Not ours: used only where no local endpoint can answer, and never for what must stay local. */
  readonly isCloud?: boolean | undefined;
  /** For every connection to it; absent for http. One object for all of them, so that they can be shared. */
  readonly tls?: ClientTls;
}

/** All in milliseconds; 0 switches the timer off. */
export interface EndpointTimeouts {
  /** Until a TCP connection stands. */
  readonly connectMs: number;
  /** From sending the request to the first byte of the answer: prompt processing happens in here. */
  readonly responseHeaderMs: number;
  /** Silence between two pieces of a body, counted from its first byte. */
  readonly readMs: number;
}
