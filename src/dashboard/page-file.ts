/** One file of the dashboard's page, as it is served. */
export interface PageFile {
  /** Below `/internal/ui/`, for example `assets/app-1f0c9a7b.js`. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export const indexName = "index.html";
/** In a compiled Olla: where its build put the page. */
export const embeddedFolder = "dashboard-page";

const typesByEnding: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  webp: "image/webp",
  woff: "font/woff",
  woff2: "font/woff2",
  json: "application/json",
};

/** Undefined for a name without an ending. */
export function endingOf(name: string): string | undefined {
  return /\.([a-z0-9]+)$/i.exec(name.slice(name.lastIndexOf("/") + 1))?.[1]?.toLowerCase();
}

export function contentTypeOf(name: string): string {
  return typesByEnding[endingOf(name) ?? ""] ?? "application/octet-stream";
}

/** A name that tells the content may be kept for ever: whatever changes gets another name. */
export function cacheControlOf(name: string): string {
  if (name === indexName) return "no-cache";
  const isHashed = /-[0-9a-z]{6,}\.(js|mjs|css|woff2?|png|svg|ico|webp|json)$/i.test(name);
  return isHashed ? "public, max-age=31536000, immutable" : "public, max-age=3600";
}
