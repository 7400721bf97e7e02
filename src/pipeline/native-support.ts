import type { Clock } from "../lib/clock.ts";
import type { Profile } from "../profiles/profile.ts";
import type { ClientApi, ClientApiName } from "../translate/client-api.ts";

const rememberedMs = 10 * 60_000;

/**
 * Which endpoints answer a client's API themselves. The kind says it; an older version may have nothing at that path,
 * and is asked again only after ten minutes.
 */
export class NativeSupport {
  readonly #clock: Clock;
  /** Monotonic times until which an endpoint is known not to. */
  readonly #withoutUntil = new Map<string, Map<ClientApiName, number>>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** Undefined for an endpoint that needs the request in another dialect. */
  pathAt(
    { name, profile }: { readonly name: string; readonly profile: Profile },
    api: ClientApi,
  ): string | undefined {
    const path = api.nativePath(profile);
    if (path === undefined || this.#withoutUntil.size === 0) return path;
    const until = this.#withoutUntil.get(name)?.get(api.name);
    return until === undefined || until <= this.#clock.now() ? path : undefined;
  }

  /** The endpoint has nothing at its native path. */
  noteMissing(endpointName: string, api: ClientApi): void {
    const known = this.#withoutUntil.get(endpointName) ?? new Map<ClientApiName, number>();
    known.set(api.name, this.#clock.now() + rememberedMs);
    this.#withoutUntil.set(endpointName, known);
  }

  /** For an endpoint that is another one under the same name, or was restarted. */
  forget(endpointName: string): void {
    this.#withoutUntil.delete(endpointName);
  }
}

/** Statuses by which a server says that it knows no such path. A missing model is a 404, too: ask the body first. */
export function saysNoSuchPath(status: number): boolean {
  return status === 404 || status === 405 || status === 501;
}
