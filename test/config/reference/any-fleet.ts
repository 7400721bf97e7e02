import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../../src/app.ts";
import type { LoadedConfig } from "../../../src/config/load.ts";
import type { Config } from "../../../src/config/schema.ts";
import { buildIdentity } from "../../../src/lib/build-identity.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { formatJson } from "../../../src/lib/log-format.ts";
import { createLogger } from "../../../src/lib/log-writer.ts";
import type { ProfileSet } from "../../../src/profiles/profile-set.ts";
import { type Exchange, SocketServer } from "../../support/socket-server.ts";
import { answerJson, completionOf } from "../../support/upstream-behaviours.ts";

/** What every endpoint of the fleet has. */
export const sharedModel = "llama3.2:1b";

/** A list in the shapes of all kinds at once. */
const anyList = answerJson({
  object: "list",
  data: [{ id: sharedModel, object: "model", type: "llm", owned_by: "somebody" }],
  models: [{ name: sharedModel, model: sharedModel }],
});

/** Servers of no particular kind, in the places of those that a configuration names. */
export class AnyFleet implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "olla-reference-"));
  readonly #servers = new Map<string, { readonly server: SocketServer; last: Exchange | undefined }>();

  /**
   * The configuration with its listener on loopback, a server of this fleet for each of its endpoints, and a folder of
   * its own for what it writes down.
   */
  standIn(config: Config): Config {
    const endpoints = config.discovery.static.endpoints?.map((endpoint) => {
      const { origin, pathname } = new URL(endpoint.url);
      const ours = this.#serve(endpoint.name);
      const moved = (url: string | undefined) =>
        url && URL.canParse(url) ? `${ours}${new URL(url).pathname}` : url;
      return {
        ...endpoint,
        url: endpoint.url === origin ? ours : `${ours}${pathname}`,
        health_check_url: moved(endpoint.health_check_url),
        model_url: moved(endpoint.model_url),
      };
    });
    const { anthropic } = config.translators;
    const inspector = { ...anthropic.inspector, output_dir: this.#folder };
    return {
      ...config,
      server: { ...config.server, host: "127.0.0.1" },
      discovery: { ...config.discovery, static: { endpoints: endpoints ?? [] } },
      translators: { anthropic: { ...anthropic, inspector } },
    };
  }

  /** Of the last request that an endpoint got. */
  lastHeaders(name: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#servers.get(name)?.last?.headers ?? []);
  }

  #serve(name: string): string {
    const server = new SocketServer((exchange) => {
      if (exchange.method === "GET") return anyList(exchange);
      const entry = this.#servers.get(name);
      if (entry !== undefined) entry.last = exchange;
      return answerJson(completionOf("Hello", sharedModel))(exchange);
    });
    this.#servers.set(name, { server, last: undefined });
    return server.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server } of this.#servers.values()) await server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The app of a configuration, on a free port, silent. */
export function startHere(
  { config, isSet }: { readonly config: Config; readonly isSet: LoadedConfig["isSet"] },
  profiles: ProfileSet,
): AsyncDisposable & { readonly url: string } {
  const unread = { write: () => undefined, flush: () => Promise.resolve() };
  const logger = createLogger({ level: "error", format: formatJson, output: unread, clock: systemClock });
  const app = createApp({
    config,
    isSet,
    profiles,
    logger,
    clock: systemClock,
    build: buildIdentity,
    port: 0,
  });
  const { url } = app.start();
  return { url, [Symbol.asyncDispose]: async () => void (await app.stop()) };
}
