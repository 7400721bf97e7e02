/** What a request's key says about its sender, once the key was found good. */
export interface ClientKey {
  /** Shown in logs, statistics and metrics; the key itself never is. */
  readonly name: string;
  /** The name that the client asked for, an alias or a model; in any case. */
  admitsModel(name: string): boolean;
  /** Higher goes first where requests wait. 0 where nothing is configured. */
  readonly priority: number;
  /** Its requests never leave the `local` tier. */
  readonly isLocalOnly: boolean;
}
