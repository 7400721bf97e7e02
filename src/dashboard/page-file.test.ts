import { expect, test } from "bun:test";
import { cacheControlOf, contentTypeOf, endingOf } from "./page-file.ts";

test("a name that holds a hash may be kept for ever, others for a while, the page itself not", () => {
  expect(cacheControlOf("assets/app-1f0c9a7b.js")).toBe("public, max-age=31536000, immutable");
  expect(cacheControlOf("assets/app-1f0c.js")).toBe("public, max-age=3600");
  expect(cacheControlOf("assets/app.js")).toBe("public, max-age=3600");
  expect(cacheControlOf("index.html")).toBe("no-cache");
});

test("types are told by the ending", () => {
  expect(contentTypeOf("index.html")).toBe("text/html; charset=utf-8");
  expect(contentTypeOf("assets/a.js")).toBe("text/javascript; charset=utf-8");
  expect(contentTypeOf("assets/a.svg")).toBe("image/svg+xml");
  expect(contentTypeOf("assets/a.xyz")).toBe("application/octet-stream");
  expect(endingOf("a.b/c")).toBeUndefined();
  expect(endingOf("models")).toBeUndefined();
});
