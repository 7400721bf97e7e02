const stopSignals = ["SIGINT", "SIGTERM"] as const;
export type StopSignal = (typeof stopSignals)[number];

/** What is needed of `process`. */
export interface SignalSource {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

export interface StopRequest {
  /** Resolves at the first signal. */
  readonly received: Promise<StopSignal>;
  /** Gives the signals back to the system. */
  release(): void;
}

/** Package managers pass a Ctrl-C on to a program that the terminal has told already. */
const echoMs = 250;

/**
 * Listens for the wish to stop. A second signal of any kind calls `onSecond`.
 * @param isUnderPackageManager whether repeats of one signal within a moment are an echo of the first
 */
export function listenForStop(
  source: SignalSource,
  options: { onSecond: () => void; now: () => number; isUnderPackageManager: boolean },
): StopRequest {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let first: { readonly signal: StopSignal; readonly at: number } | undefined;
  const listeners = stopSignals.map((signal) => {
    const listener = (): void => {
      if (first === undefined) {
        first = { signal, at: options.now() };
        resolve(signal);
        return;
      }
      const isEcho = first.signal === signal && options.now() - first.at < echoMs;
      if (!(options.isUnderPackageManager && isEcho)) options.onSecond();
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  return {
    received: promise,
    release() {
      for (const { signal, listener } of listeners) source.off(signal, listener);
    },
  };
}
