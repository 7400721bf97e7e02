import { systemClock } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import { UsageError } from "./arguments.ts";
import { formatSeconds } from "./figures.ts";
import { type FleetBodies, readFleet } from "./fleet-view.ts";
import { type Rates, RateWindow } from "./rate-window.ts";
import {
  AskError,
  type ConnectionOptions,
  findOlla,
  type RunningOlla,
  refusedPauseMs,
} from "./running-olla.ts";
import { printableJson } from "./safe-text.ts";
import { endWhenUnread, openScreen } from "./screen.ts";
import { renderStatus, type StatusOptions } from "./status-view.ts";
import { listenForStop } from "./stop-signal.ts";
import { createPainter, hasColour, lineWidth, type Terminal } from "./terminal.ts";

/** The flags of `olla status`. */
export interface StatusFlags extends ConnectionOptions {
  readonly watch?: boolean;
  /** A duration. */
  readonly interval: string;
  readonly json?: boolean;
}

const shortestIntervalMs = 200;
const longestIntervalMs = 3_600_000;
/** Rates are averages of at least this long. */
const rateWindowMs = 10_000;

/**
 * Shows what a running Olla says of itself, once or until it is told to stop.
 * @returns the exit code
 * @throws UsageError, and AskError when the first look fails
 */
export async function status(
  flags: StatusFlags,
  configPath: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const intervalMs = readInterval(flags.interval);
  const olla = await findOlla(flags, configPath, terminal);
  const bodies = await look(olla);
  if (flags.watch === true)
    return await watch({ olla, terminal, intervalMs, isJson: flags.json === true }, bodies);
  if (flags.json === true) terminal.out(`${printableJson(bodies, 2)}\n`);
  else terminal.out(`${renderStatus(readFleet(bodies), viewOptions(olla, terminal)).join("\n")}\n`);
  return 0;
}

export function readInterval(text: string): number {
  // A bare number is seconds, as for `watch -n`.
  const milliseconds = parseDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
  if (milliseconds === undefined || milliseconds < shortestIntervalMs || milliseconds > longestIntervalMs) {
    throw new UsageError(`--interval: expected a duration of 200ms to 1h such as 2s, got "${text}"`);
  }
  return milliseconds;
}

async function look(olla: RunningOlla): Promise<FleetBodies> {
  // Alone, because a wrong key should count once.
  const overview = await olla.ask("/internal/status");
  const [endpoints, models] = await Promise.all([
    olla.ask("/internal/status/endpoints"),
    olla.ask("/internal/status/models?detailed=true&group=family"),
  ]);
  return { status: overview, endpoints, models };
}

function viewOptions(olla: RunningOlla, terminal: Terminal): StatusOptions {
  const painter = createPainter(hasColour(terminal));
  return { shown: olla.shown, painter, width: lineWidth(terminal) };
}

interface WatchOptions {
  readonly olla: RunningOlla;
  readonly terminal: Terminal;
  readonly intervalMs: number;
  readonly isJson: boolean;
}

/** What is known when a picture is drawn. */
interface Seen {
  readonly bodies: FleetBodies;
  readonly rates: Rates | undefined;
  /** Of a monotonic clock, of the last look that succeeded. */
  readonly atMs: number;
  /** Why the latest look failed. */
  readonly failure: AskError | undefined;
}

async function watch(options: WatchOptions, first: FleetBodies): Promise<number> {
  const { olla, terminal, intervalMs } = options;
  const clock = systemClock;
  endWhenUnread(process.stdout, terminal.exitNow);
  const display = openDisplay(options);
  const stop = listenForStop(process, {
    onSecond() {
      display.close();
      terminal.exitNow(1);
    },
    now: clock.now,
    isUnderPackageManager: Boolean(terminal.env.npm_lifecycle_event),
  });
  const stopped = Promise.race([stop.received, display.quit]).then(() => "stopped" as const);
  const window = new RateWindow(Math.max(rateWindowMs, intervalMs));
  let seen: Seen = {
    bodies: first,
    rates: window.add(readFleet(first), clock.now()),
    atMs: clock.now(),
    failure: undefined,
  };
  const redraw = () => display.show(seen, clock.now() - seen.atMs);
  process.stdout.on("resize", redraw);
  try {
    for (;;) {
      redraw();
      const pauseMs = seen.failure?.isRefusal === true ? Math.max(intervalMs, refusedPauseMs) : intervalMs;
      const pause = new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
      if ((await Promise.race([pause, stopped])) === "stopped") return 0;
      const next = await Promise.race([look(olla).catch(asAskError), stopped]);
      if (next === "stopped") return 0;
      seen =
        next instanceof AskError
          ? { ...seen, failure: next }
          : {
              bodies: next,
              rates: window.add(readFleet(next), clock.now()),
              atMs: clock.now(),
              failure: undefined,
            };
    }
  } finally {
    process.stdout.off("resize", redraw);
    display.close();
    stop.release();
  }
}

function asAskError(error: unknown): AskError {
  if (error instanceof AskError) return error;
  throw error;
}

interface Display {
  show(seen: Seen, ageMs: number): void;
  readonly quit: Promise<void>;
  close(): void;
}

function openDisplay({ olla, terminal, isJson }: WatchOptions): Display {
  const never = new Promise<void>(() => {});
  if (isJson) {
    return {
      show({ bodies, failure }) {
        if (failure === undefined) terminal.out(`${printableJson(bodies)}\n`);
        else terminal.err(`olla: ${failure.message}\n`);
      },
      quit: never,
      close() {},
    };
  }
  const render = ({ bodies, rates, failure }: Seen, ageMs: number, height?: number) =>
    renderStatus(readFleet(bodies), {
      ...viewOptions(olla, terminal),
      height,
      rates: rates ?? "none",
      silence: failure === undefined ? undefined : { reason: failure.message, ageMs },
    });
  if (!terminal.isScreen || terminal.env.TERM === "dumb") {
    return {
      // The same old figures again would look like new ones.
      show(seen, ageMs) {
        if (seen.failure === undefined) terminal.out(`${render(seen, ageMs).join("\n")}\n\n`);
        else terminal.out(`No answer for ${formatSeconds(ageMs)}: ${seen.failure.message}\n\n`);
      },
      quit: never,
      close() {},
    };
  }
  const screen = openScreen(terminal, process.stdin);
  return {
    show: (seen, ageMs) => screen.draw(render(seen, ageMs, terminal.size?.()?.rows)),
    quit: screen.quit,
    close: screen.close,
  };
}
