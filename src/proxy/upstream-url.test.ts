import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { buildUpstreamUrl } from "./upstream-url.ts";

const origin = "http://h:8080";

function urlFor(basePath: string, preservePath: boolean, path: string, query = ""): string {
  const profile = { openaiBase: "/v1", paths: [] };
  return buildUpstreamUrl({ origin, basePath, preservePath, profile }, path, query);
}

describe("the specification's table", () => {
  const rows: readonly [basePath: string, preserve: boolean, path: string, upstream: string][] = [
    ["", false, "/v1/chat/completions", "/v1/chat/completions"],
    ["", true, "/v1/chat/completions", "/v1/chat/completions"],
    ["/api/v1", false, "/models", "/models"],
    ["/engines/llama.cpp", true, "/completions", "/engines/llama.cpp/completions"],
    ["/api/v1", true, "/", "/api/v1"],
    ["/api/v1", true, "//double//slashes//", "/api/v1/double/slashes"],
    ["", false, "//double//slashes//", "//double//slashes//"],
    ["", false, "/../../etc/passwd", "/etc/passwd"],
    ["/api/v1", true, "/../../etc/passwd", "/api/v1/etc/passwd"],
  ];
  for (const [basePath, preserve, path, upstream] of rows) {
    test(`${basePath || "no base"}, preserve ${preserve}: ${path} → ${upstream}`, () => {
      expect(urlFor(basePath, preserve, path)).toBe(origin + upstream);
    });
  }
});

describe("the client's bytes", () => {
  const untouched = [
    "/v1/models/org%2Fname",
    "/v1/models/a%20b%c3%a9%C3%A9",
    "/a/%252e%252e/b",
    "/a/.hidden/..b/c..",
    "/a/.../b",
    "/a%zz/%",
    "/v1/models/",
  ];
  for (const path of untouched) {
    test(`${path} goes on as it is`, () => {
      expect(urlFor("", false, path)).toBe(origin + path);
      expect(urlFor("/base", true, path)).toBe(`${origin}/base${path}`);
    });
  }

  test("the query is appended as received, whatever is in it", () => {
    const query = "?a=%2F..%2F&b=//c&&d=%zz";
    expect(urlFor("/base", true, "/x", query)).toBe(`${origin}/base/x${query}`);
  });
});

describe("dot segments", () => {
  const cases: readonly [path: string, resolved: string][] = [
    ["/a/./b", "/a/b"],
    ["/a/b/..", "/a"],
    ["/a/b/../", "/a/"],
    ["/..", "/"],
    ["/a/%2e%2e/b", "/b"],
    ["/a/%2E./b", "/b"],
    ["/a/.%2e", "/"],
    ["/a%2f..%2fb", "/b"],
    ["/a%2F%2e%2e%2F..%2Fetc", "/etc"],
    ["/a\\..\\b", "/b"],
    ["/a%5c..%5C..%5cb", "/b"],
    ["/../a%20b", "/a%20b"],
  ];
  for (const [path, resolved] of cases) {
    test(`${path} → ${resolved}`, () => {
      expect(urlFor("", false, path)).toBe(origin + resolved);
    });
  }

  test("no path leaves the base, even for a server that decodes it first", () => {
    const piece = fc.constantFrom("/", "\\", "%2f", "%5C", ".", "..", "%2e", "%2E.", "a", "b%20c", "//");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const url = urlFor("/base/inner", true, `/${pieces.join("")}`);
        const seen = new URL(decodeURIComponent(new URL(url).pathname).replaceAll("\\", "/"), origin);
        expect(`${seen.pathname}/`).toStartWith("/base/inner/");
        expect(new URL(url).origin).toBe(origin);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an address that ends in /v1", () => {
  const rows: readonly [basePath: string, preserve: boolean, path: string, upstream: string][] = [
    ["/v1", false, "/v1/chat/completions", "/v1/chat/completions"],
    ["/v1", true, "/v1/chat/completions", "/v1/chat/completions"],
    ["/openai/v1", true, "/v1/models/a%2Fb", "/openai/v1/models/a%2Fb"],
    ["/v1", true, "/chat/completions", "/v1/chat/completions"],
    ["/v1", true, "/v1beta/chat", "/v1/v1beta/chat"],
    ["/xv1", true, "/v1/chat/completions", "/xv1/v1/chat/completions"],
    ["/v1", true, "/v2/rerank", "/v1/v2/rerank"],
    // A server mounted below a path of the same name as its own: nothing says that one of them is too many.
    ["/api", true, "/api/chat", "/api/api/chat"],
  ];
  for (const [basePath, preserve, path, upstream] of rows) {
    test(`${basePath}, preserve ${preserve}: ${path} → ${upstream}`, () => {
      expect(urlFor(basePath, preserve, path)).toBe(origin + upstream);
    });
  }
});

describe("a kind with another base than /v1", () => {
  const profile = {
    openaiBase: "/engines/v1",
    paths: ["/engines/v1/chat/completions", "/rerank", "/v1/special"],
  };
  const rows: readonly [basePath: string, preserve: boolean, path: string, upstream: string][] = [
    ["", false, "/v1/chat/completions", "/engines/v1/chat/completions"],
    ["", false, "/v1/audio/speech", "/engines/v1/audio/speech"],
    ["", false, "/engines/v1/chat/completions", "/engines/v1/chat/completions"],
    ["", false, "/rerank", "/rerank"],
    ["", false, "/v1/special", "/v1/special"],
    ["", false, "/v1beta/chat", "/v1beta/chat"],
    ["", false, "/v1", "/v1"],
    ["/mounted", true, "/v1/chat/completions", "/mounted/engines/v1/chat/completions"],
    ["/engines", true, "/v1/chat/completions", "/engines/v1/chat/completions"],
    ["/engines", true, "/engines/v1/models", "/engines/v1/models"],
    ["/engines/v1", true, "/v1/chat/completions", "/engines/v1/chat/completions"],
    ["/engines/v1", true, "/engines/v1/models", "/engines/v1/models"],
    ["/mounted/engines", true, "/v1/models", "/mounted/engines/v1/models"],
    ["/v1", true, "/v1/chat/completions", "/v1/chat/completions"],
    ["/engines/v1", false, "/v1/chat/completions", "/engines/v1/chat/completions"],
  ];
  for (const [basePath, preservePath, path, upstream] of rows) {
    test(`${basePath || "no base"}, preserve ${preservePath}: ${path} → ${upstream}`, () => {
      expect(buildUpstreamUrl({ origin, basePath, preservePath, profile }, path, "?a=1")).toBe(
        `${origin}${upstream}?a=1`,
      );
    });
  }

  test("the root is a base, too", () => {
    const atRoot = { origin, basePath: "", preservePath: false, profile: { openaiBase: "", paths: [] } };
    expect(buildUpstreamUrl(atRoot, "/v1/chat/completions", "")).toBe(`${origin}/chat/completions`);
    expect(buildUpstreamUrl({ ...atRoot, basePath: "/a", preservePath: true }, "/v1/models", "")).toBe(
      `${origin}/a/models`,
    );
  });
});
