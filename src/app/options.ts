import type { NamingTable } from "../config/naming-table.ts";
import type { Config } from "../config/schema.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import type { StartTracing } from "./tracing.ts";

export interface AppOptions {
  readonly config: Config;
  /** Whether the user wrote the key, in the file or as a variable. */
  readonly isSet: (path: string) => boolean;
  /** Where a key's value comes from; without it only whether it was set is shown. */
  readonly sourceOf?: (path: string) => "default" | "file" | "environment";
  /** As it was named; undefined where none was read. */
  readonly configFile?: string | undefined;
  readonly profiles: ProfileSet;
  /** By which model names are read; the built-in table where none is given. */
  readonly naming?: NamingTable;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly build: BuildIdentity;
  /** Of `loadTracing`; undefined where nothing is traced. */
  readonly startTracing?: StartTracing | undefined;
  /** Instead of the configured port; 0 takes a free one. */
  readonly port?: number;
}
