/** What is asked of one endpoint; what is left out is not looked at. */
export interface EndpointMeaning {
  /** The profile's name. */
  readonly kind?: string;
  readonly priority?: number;
  readonly healthUrl?: string;
  readonly modelsUrl?: string;
  readonly checkIntervalMs?: number;
  readonly checkTimeoutMs?: number;
  readonly preservePath?: boolean;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly admits?: readonly string[];
  readonly refuses?: readonly string[];
}

/** One configuration in a shape that the reference documents, and what it means there. */
export interface ReferenceCase {
  /** In `test/fixtures/reference-configs`, without `.yaml`; without it there is no file at all. */
  readonly file?: string;
  /** What the variables say, where there are some; part of the test's name. */
  readonly about?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** By dotted key; durations in milliseconds, sizes in bytes. */
  readonly means?: Readonly<Record<string, unknown>>;
  /** By name, and all of them. */
  readonly endpoints?: Readonly<Record<string, EndpointMeaning>>;
  /** Everything that Olla has to say about it: `kind key` or `kind VARIABLE`. */
  readonly reported?: readonly string[];
}
