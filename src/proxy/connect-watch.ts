import type { Clock } from "../lib/clock.ts";
import type { ConnectTarget } from "../lib/connect-target.ts";

/**
 * Finds out whether a host takes TCP connections, because `fetch` cannot tell "connecting" from "thinking".
 * Calls `onTimeout` if no connection stands within `timeoutMs`. A refusal is left to the request itself to report.
 * @returns a function that ends the watch
 */
export type WatchConnect = (target: ConnectTarget, timeoutMs: number, onTimeout: () => void) => () => void;

export function createConnectWatch(clock: Clock): WatchConnect {
  return (target, timeoutMs, onTimeout) => {
    let isOver = false;
    const end = () => {
      isOver = true;
      cancelTimer();
    };
    const cancelTimer = clock.after(timeoutMs, () => {
      if (isOver) return;
      isOver = true;
      onTimeout();
    });
    Bun.connect({
      hostname: target.hostname,
      port: target.port,
      socket: {
        open(socket) {
          end();
          socket.end();
        },
        data() {},
        connectError: end,
        error: end,
      },
    }).catch(end);
    return end;
  };
}
