import type { Secret } from "../lib/secret.ts";

/**
 * One entry of `discovery.static.endpoints` after loading: checked, defaults filled in, `${VAR}` replaced and secret
 * files read. Durations are milliseconds. Whether `type` names a profile is checked where the profiles are known.
 */
export interface EndpointConfig {
  /** http or https, with a host, without userinfo; otherwise as the user wrote it. */
  readonly url: string;
  /** Unique. Derived from host and port when the file has none. */
  readonly name: string;
  /** As written; absent, empty and `auto` all give `auto`. */
  readonly type: string;
  readonly priority: number;
  readonly weight: number;
  /** `undefined`: the profile's path. */
  readonly health_check_url: string | undefined;
  /** `undefined`: the profile's path. */
  readonly model_url: string | undefined;
  readonly check_interval: number;
  readonly check_timeout: number;
  readonly preserve_path: boolean;
  /** Valid globs for `compileGlobs` (lib/glob.ts). */
  readonly model_filter: { readonly include: readonly string[]; readonly exclude: readonly string[] };
  /** Names as written, unique ignoring case. */
  readonly headers: Readonly<Record<string, Secret>>;
  /** The header that the auth block produces, whatever its type. It beats a `headers` entry of the same name. */
  readonly auth: { readonly header: string; readonly value: Secret } | undefined;
  /** `undefined`: the profile's, else the global setting. 0 switches the timer off. */
  readonly connection_timeout: number | undefined;
  readonly response_header_timeout: number | undefined;
  readonly read_timeout: number | undefined;
  /** Requests at once; 0 = no limit. */
  readonly max_concurrent: number;
  readonly tier: "local" | "cloud";
  /** 0 = no limit. */
  readonly daily_tokens: number;
  readonly tls: {
    /** PEM, the text of the file. `undefined`: the runtime's list of authorities. */
    readonly ca: string | undefined;
    /** `undefined`: the host of the URL. */
    readonly server_name: string | undefined;
    readonly insecure_skip_verify: boolean;
  };
}
