import type { NamingTable } from "../config/naming-table.ts";
import type { ConfigProblem } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { ProfileSet } from "../profiles/profile-set.ts";
import type { StartTracing } from "./tracing.ts";

/** All that users can say, read and checked. A reload replaces it as a whole. */
export interface AppSettings {
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
  /** Of `loadTracing`; undefined where nothing is traced. */
  readonly startTracing?: StartTracing | undefined;
}

/** What does not change while the process runs. */
export interface AppSurroundings {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly build: BuildIdentity;
  /** Instead of the configured port; 0 takes a free one. */
  readonly port?: number;
  /** Missing where nothing can be read anew, as in the demo. */
  readonly reloading?: Reloading;
}

export interface AppOptions extends AppSettings, AppSurroundings {}

/** How the settings are read again. */
export interface Reloading {
  /** Reads everything anew. Never rejects for what a user wrote. */
  read(): Promise<SettingsReading>;
  /** Called when other settings are in force, for what lies outside the app. Must not throw. */
  onApplied?(settings: AppSettings): void;
  /** Called when a reading is over, whatever came of it. Must not throw. */
  onEnded?(): void;
}

export interface SettingsReading {
  /** `undefined` when any problem is an error. */
  readonly settings: AppSettings | undefined;
  readonly problems: readonly ConfigProblem[];
}

/** The settings in force. What outlives a reload reads them at each use; what is built from them is built anew. */
export interface InForce {
  settings: AppSettings;
}
