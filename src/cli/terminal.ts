/** The world around a command: where it prints, what it may read. Tests hand in their own. */
export interface Terminal {
  /** `text` ends with a line break where one is wanted. */
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether standard output is a screen. */
  readonly isScreen: boolean;
  /** How much fits onto the screen, now; undefined where standard output is none. */
  size?(): { readonly columns: number; readonly rows: number } | undefined;
  /** Ends the process without waiting for anything: for a second Ctrl-C. */
  exitNow(code: number): void;
}

/**
 * Whether to use colour: `NO_COLOR` beats `FORCE_COLOR` beats `OLLA_FORCE_COLORS` beats the question whether
 * anyone is looking at a terminal that knows colours. Empty variables count as unset.
 */
export function hasColour({ env, isScreen }: Pick<Terminal, "env" | "isScreen">): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  if (env.OLLA_FORCE_COLORS) return env.OLLA_FORCE_COLORS.toLowerCase() === "true";
  return isScreen && env.TERM !== "dumb";
}

export interface Painter {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

export function createPainter(isColoured: boolean): Painter {
  const paint = (code: number) => (text: string) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bold: paint(1), dim: paint(2), green: paint(32), yellow: paint(33), red: paint(31) };
}

/**
 * Cells that a line may take. Without a screen nothing wraps and somebody may search it, so there is no end to it unless
 * `COLUMNS` says so.
 */
export function lineWidth({ size, env }: Pick<Terminal, "size" | "env">): number {
  const columns = size?.()?.columns ?? Number(env.COLUMNS);
  return columns > 0 ? Math.max(20, Math.floor(columns)) : Number.MAX_SAFE_INTEGER;
}
