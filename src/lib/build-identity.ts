import packageFile from "../../package.json" with { type: "json" };

/** Which program this is: shown by `--version`, in the logs and on `/version`. */
export interface BuildIdentity {
  readonly version: string;
  /** Short git commit, `dev` when run from source. */
  readonly commit: string;
  /** ISO 8601, `dev` when run from source. */
  readonly date: string;
}

// The build script puts text in the place of these names (`--define`); from source they do not exist.
declare const OLLA_BUILD_VERSION: string | undefined;
declare const OLLA_BUILD_COMMIT: string | undefined;
declare const OLLA_BUILD_DATE: string | undefined;

export const buildIdentity: BuildIdentity = {
  version: typeof OLLA_BUILD_VERSION === "string" ? OLLA_BUILD_VERSION : packageFile.version,
  commit: typeof OLLA_BUILD_COMMIT === "string" ? OLLA_BUILD_COMMIT : "dev",
  date: typeof OLLA_BUILD_DATE === "string" ? OLLA_BUILD_DATE : "dev",
};
