/** What the system, or a library, calls an error: `ENOENT` and the like. Undefined for one without a code. */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
