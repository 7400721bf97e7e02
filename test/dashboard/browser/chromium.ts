import { existsSync } from "node:fs";

/** A browser that is here already; undefined where there is none. */
export function findChromium(): string | undefined {
  const asked = process.env.OLLA_TEST_CHROMIUM;
  if (asked !== undefined && asked !== "") return asked;
  if (existsSync("/usr/bin/chromium")) return "/usr/bin/chromium";
  return Bun.which("chromium") ?? Bun.which("google-chrome") ?? undefined;
}
