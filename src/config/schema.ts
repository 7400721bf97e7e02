import type * as v from "valibot";
import type { Secret } from "../lib/secret.ts";
import type { ClientKeyConfig } from "./client-key-config.ts";
import type { EndpointConfig } from "./endpoint-config.ts";
import { section } from "./key.ts";
import { modelAliases } from "./schema-aliases.ts";
import { auth } from "./schema-auth.ts";
import { discovery } from "./schema-discovery.ts";
import { modelRegistry, translators } from "./schema-models.ts";
import { configFile, dashboard, engineering, logging, requestLog, telemetry } from "./schema-operations.ts";
import { proxy } from "./schema-proxy.ts";
import { server } from "./schema-server.ts";
import type { ServerTlsFiles } from "./tls-files.ts";

/** Every key that a configuration file may hold: types, defaults, ranges, variables and documentation. */
export const configSchema = section({
  server,
  proxy,
  discovery,
  model_registry: modelRegistry,
  model_aliases: modelAliases,
  translators,
  auth,
  logging,
  dashboard,
  engineering,
  request_log: requestLog,
  telemetry,
  config: configFile,
});

/** What the schema alone makes of a file: endpoints still have unread secrets. */
export type ParsedConfig = v.InferOutput<typeof configSchema>;
export type ParsedEndpoint = NonNullable<ParsedConfig["discovery"]["static"]["endpoints"]>[number];

/** Keys as in the file; durations in milliseconds, sizes in bytes. Deeply frozen. */
export type Config = Frozen<
  Omit<ParsedConfig, "server" | "discovery" | "auth"> & {
    server: Omit<ParsedConfig["server"], "tls" | "admin"> & {
      admin: {
        /** The SHA-256 of the admin key, in hexadecimal. */
        key: Secret | undefined;
        port: number | undefined;
      };
      /** `undefined`: plain http. */
      tls: (ServerTlsFiles & Pick<ParsedConfig["server"]["tls"], "min_version">) | undefined;
    };
    auth: { keys: readonly ClientKeyConfig[] };
    discovery: Omit<ParsedConfig["discovery"], "static"> & {
      /** `undefined`: no file names endpoints, so Olla looks for some itself. An empty list means none. */
      static: { endpoints: readonly EndpointConfig[] | undefined };
    };
  }
>;

export type Frozen<T> = T extends Secret
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Frozen<T[Key]> }
      : T;
