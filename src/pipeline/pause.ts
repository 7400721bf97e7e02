import type { Clock } from "../lib/clock.ts";
import { clientLeft } from "../proxy/attempt.ts";

/** Waits between two attempts. Rejects with `client_abort` as soon as the client leaves. */
export function pause(delayMs: number, clock: Clock, clientSignal: AbortSignal): Promise<void> {
  if (delayMs <= 0) return Promise.resolve();
  if (clientSignal.aborted) return Promise.reject(clientLeft());
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(clientLeft());
    };
    const cancel = clock.after(delayMs, () => {
      clientSignal.removeEventListener("abort", onAbort);
      resolve();
    });
    clientSignal.addEventListener("abort", onAbort, { once: true });
  });
}
