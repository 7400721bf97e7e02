import type { Endpoint } from "../../endpoints/endpoint.ts";
import { providerOf } from "./operations.ts";
import { type Convention, type GenAiMeasurement, genAiName, genAiNames, spanNames } from "./span-names.ts";
import { type AttributeKey, attributeKey, SpanWriter } from "./span-writer.ts";

/** The names of all attributes, encoded once. */
export interface Keys {
  readonly of: Readonly<Record<keyof typeof spanNames, AttributeKey>>;
  readonly genAi: Readonly<Record<GenAiMeasurement, AttributeKey>>;
}

export function createKeys(convention: Convention): Keys {
  const encode = <Name extends string>(names: readonly Name[], nameOf: (name: Name) => string) =>
    Object.fromEntries(names.map((name) => [name, attributeKey(nameOf(name))])) as Record<Name, AttributeKey>;
  return {
    of: encode(Object.keys(spanNames) as (keyof typeof spanNames)[], (name) => spanNames[name]),
    genAi: encode(Object.keys(genAiNames) as GenAiMeasurement[], (name) => genAiName(name, convention)),
  };
}

/** Undefined for an endpoint that is gone. */
export type EndpointOf = (name: string) => Endpoint | undefined;

/** What is the same for every attempt at an endpoint, encoded once. */
export interface EndpointFacts {
  /** `server.address` and `server.port`. */
  readonly server: Uint8Array;
  readonly provider: Uint8Array;
}

/** The endpoints that spans have spoken of; an endpoint that is replaced begins anew. */
export class EndpointAttributes {
  readonly #written = new WeakMap<Endpoint, EndpointFacts>();
  readonly #endpointOf: EndpointOf;
  readonly #keys: Keys;

  constructor(endpointOf: EndpointOf, keys: Keys) {
    this.#endpointOf = endpointOf;
    this.#keys = keys;
  }

  /** Undefined for one that is gone. */
  of(name: string): EndpointFacts | undefined {
    const endpoint = this.#endpointOf(name);
    if (endpoint === undefined) return undefined;
    let written = this.#written.get(endpoint);
    if (written === undefined) {
      written = this.#write(endpoint);
      this.#written.set(endpoint, written);
    }
    return written;
  }

  #write(endpoint: Endpoint): EndpointFacts {
    const { of, genAi } = this.#keys;
    const url = URL.parse(endpoint.origin);
    const server = new SpanWriter();
    if (url !== null && url.hostname !== "") {
      server.textAttribute(of.serverAddress, url.hostname.replace(/^\[|\]$/g, ""));
      server.intAttribute(of.serverPort, Number(url.port) || (url.protocol === "https:" ? 443 : 80));
    }
    const provider = new SpanWriter();
    provider.textAttribute(genAi.provider, providerOf(endpoint, url?.hostname ?? ""));
    return { server: server.written().slice(), provider: provider.written().slice() };
  }
}
