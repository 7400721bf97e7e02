interface WaitOptions {
  /** Milliseconds until the wait fails; generous, because only a broken test gets there. */
  readonly deadlineMs?: number;
  /** What was waited for, as the failure message says it. */
  readonly what?: string;
}

/** Asks again every 2 ms until the condition gives something truthy, and returns that. */
export async function waitUntil<Value>(
  condition: () => Value | Promise<Value>,
  { deadlineMs = 5_000, what = condition.toString() }: WaitOptions = {},
): Promise<Exclude<Value, false | undefined | null>> {
  const startedAt = performance.now();
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<Value, false | undefined | null>;
    if (performance.now() - startedAt > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until a number has not changed for `stableMs`, and returns it. */
export async function waitUntilSettled(read: () => number, stableMs: number): Promise<number> {
  let value = read();
  let changedAt = performance.now();
  await waitUntil(
    () => {
      const now = read();
      if (now !== value) {
        value = now;
        changedAt = performance.now();
      }
      return performance.now() - changedAt >= stableMs;
    },
    { deadlineMs: 15_000, what: `a number stays the same for ${stableMs} ms` },
  );
  return value;
}

/** The promise's value, or a failure that says what did not happen in time. */
export async function within<Value>(
  promise: Promise<Value>,
  deadlineMs: number,
  what: string,
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds from the call of `action` until `happened` resolves. */
export async function timeUntil(happened: Promise<unknown>, action: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await action();
  await happened;
  return performance.now() - startedAt;
}
