/** The flags that stand before, after or without a command. */
export interface RootOptions {
  readonly config?: string;
  readonly version?: boolean;
  readonly validateConfig?: boolean;
  readonly profile?: boolean;
}
