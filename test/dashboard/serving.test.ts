// The dashboard's page as browsers, and those who should not see it, meet it.
import { describe, expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { findFreePort } from "../support/free-port.ts";
import { parseLogLines } from "../support/log-lines.ts";
import { type OllaSettings, startOlla } from "../support/start-olla.ts";

const page = "/internal/ui/";
const adminKey = "an-admin-key-0123456789";

function settingsOf(
  dashboard: Record<string, unknown> = {},
  server: Record<string, unknown> = {},
): OllaSettings {
  return { readiness: "listening", endpoints: [], server, sections: { dashboard } };
}

function get(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { redirect: "manual", ...init });
}

function expectPageHeaders(answer: Response): void {
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("x-frame-options")).toBe("DENY");
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self';");
  expect(policy).not.toContain("unsafe");
  for (const part of [
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ]) {
    expect(policy).toContain(part);
  }
}

/** Names of the page's files, as the page itself has them. */
function assetsOf(html: string): string[] {
  return [...html.matchAll(/"(\/internal\/ui\/assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
}

describe("the dashboard's files", () => {
  test("the page and everything that it names are there, with types and for as long as they may be kept", async () => {
    await using olla = await startOlla(settingsOf());
    const answer = await get(olla.url + page);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expectPageHeaders(answer);
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|style=|onload=|https?:\/\//);
    const assets = assetsOf(html);
    expect(assets).toHaveLength(3);
    for (const path of assets) {
      const asset = await get(olla.url + path);
      expect(asset.status).toBe(200);
      expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(asset.headers.get("content-type")).toMatch(/^(text\/javascript|text\/css|image\/svg\+xml)/);
      expectPageHeaders(asset);
      // Nothing is fetched from elsewhere.
      expect(await asset.text()).not.toMatch(
        /(?:src|href|import|url)\s*[=(:]?\s*["']?https?:\/\/(?!www\.w3\.org)/,
      );
    }
  });

  test("script and styles are small once compressed", async () => {
    await using olla = await startOlla(settingsOf());
    const html = await (await get(olla.url + page)).text();
    let bytes = 0;
    for (const path of assetsOf(html)) {
      const asset = await get(olla.url + path, { headers: { "Accept-Encoding": "gzip" } });
      if (path.endsWith(".js")) expect(asset.headers.get("vary")).toBe("Accept-Encoding");
      bytes += Number(asset.headers.get("content-length"));
      await asset.arrayBuffer();
    }
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(70_000);
  });

  test("a page that was seen before costs no second answer", async () => {
    await using olla = await startOlla(settingsOf());
    const plain = { "Accept-Encoding": "identity" };
    const first = await get(olla.url + page, { headers: plain });
    await first.text();
    const tag = first.headers.get("etag") ?? "";
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    const again = (headers: Record<string, string>) =>
      get(olla.url + page, { headers: { ...plain, ...headers } });
    const unchanged = await again({ "If-None-Match": `"other", W/${tag}` });
    expect([unchanged.status, await unchanged.text()]).toEqual([304, ""]);
    expectPageHeaders(unchanged);
    expect((await again({ "If-None-Match": '"other"' })).status).toBe(200);
    const modified = first.headers.get("last-modified") ?? "";
    expect((await again({ "If-Modified-Since": modified })).status).toBe(304);
    expect((await again({ "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" })).status).toBe(200);
    // A tag that does not fit wins over a time that does.
    expect((await again({ "If-None-Match": '"other"', "If-Modified-Since": modified })).status).toBe(200);
  });

  test("compressed and plain are told apart by their tags", async () => {
    await using olla = await startOlla(settingsOf());
    const tagFor = async (encoding: string) => {
      const answer = await get(olla.url + page, { headers: { "Accept-Encoding": encoding } });
      await answer.text();
      return answer.headers.get("etag");
    };
    expect(await tagFor("gzip")).not.toBe(await tagFor("identity"));
  });

  test.each([
    ["/internal/ui/assets/nothing.js", 404],
    ["/internal/ui/assets/nothing", 404],
    ["/internal/ui/favicon.ico", 404],
    ["/internal/ui/..%2f..%2fetc/passwd", 200],
    ["/internal/ui/..%2fmain.tsx", 404],
    ["/internal/ui/endpoints", 200],
    ["/internal/ui/a/b/c", 200],
  ])("%s is answered with %d", async (path, status) => {
    await using olla = await startOlla(settingsOf());
    const answer = await get(olla.url + path);
    expect(answer.status).toBe(status);
    expectPageHeaders(answer);
    const text = await answer.text();
    if (status === 200) expect(text).toContain('<div id="app">');
    else expect(text).toContain("route_not_found");
  });

  test("the path without its slash leads to the one with it", async () => {
    await using olla = await startOlla(settingsOf());
    const answer = await get(`${olla.url}/internal/ui?a=1`);
    expect([answer.status, answer.headers.get("location")]).toEqual([307, "/internal/ui/?a=1"]);
    expectPageHeaders(answer);
  });

  test("files can only be read", async () => {
    await using olla = await startOlla(settingsOf());
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await get(olla.url + page, { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      expectPageHeaders(answer);
      await answer.text();
    }
    const head = await get(olla.url + page, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("looks at them are quiet in the access log", async () => {
    await using olla = await startOlla(settingsOf());
    await (await get(olla.url + page)).text();
    expect(
      olla
        .accessLog()
        .filter(({ path }) => path === page)
        .map(({ level }) => level),
    ).toEqual(["debug"]);
  });
});

describe("dashboard.enabled", () => {
  test("false: there is no page, and what it would ask for is there as before", async () => {
    await using olla = await startOlla(settingsOf({ enabled: false }));
    for (const path of ["/internal/ui", page]) {
      const answer = await get(olla.url + path);
      expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("route_not_found")]);
    }
    expect((await get(`${olla.url}/internal/status`)).status).toBe(200);
  });
});

describe("dashboard.access_policy.allowed_cidrs", () => {
  test("who is in none of the ranges is told why, before any redirect, whatever its headers say", async () => {
    await using olla = await startOlla(settingsOf({ access_policy: { allowed_cidrs: ["192.0.2.0/24"] } }));
    for (const path of [page, "/internal/ui", "/internal/ui/assets/nothing.js"]) {
      const answer = await get(olla.url + path, { headers: { "X-Forwarded-For": "192.0.2.7" } });
      const text = await answer.text();
      expect(answer.status).toBe(403);
      expectPageHeaders(answer);
      for (const part of ["127.0.0.1", "allowed_cidrs", "allowed_hosts"]) expect(text).toContain(part);
    }
    const warnings = parseLogLines(olla.output()).filter(({ msg }) => msg === "The dashboard was refused");
    expect(warnings[0]).toMatchObject({
      level: "warn",
      reason: "address",
      config_key: "dashboard.access_policy.allowed_cidrs",
      client_ip: "127.0.0.1",
      host: `127.0.0.1:${olla.port}`,
    });
  });

  test("who is in one of them gets the page", async () => {
    await using olla = await startOlla(settingsOf({ access_policy: { allowed_cidrs: ["127.0.0.1/32"] } }));
    expect((await get(olla.url + page)).status).toBe(200);
  });
});

describe("dashboard.access_policy.allowed_hosts", () => {
  test("on any address, the page is shown under names in the list only", async () => {
    const policy = { access_policy: { allowed_hosts: ["olla.example.com"] } };
    await using olla = await startOlla(settingsOf(policy, { host: "0.0.0.0" }));
    const statusFor = async (host: string) => {
      const answer = await get(`http://127.0.0.1:${olla.port}${page}`, { headers: { Host: host } });
      expectPageHeaders(answer);
      return [answer.status, await answer.text()] as const;
    };
    expect((await statusFor("olla.example.com:8080"))[0]).toBe(200);
    expect((await statusFor("[::1]:40114"))[0]).toBe(200);
    const [status, text] = await statusFor("evil.example");
    expect(status).toBe(403);
    for (const part of ["evil.example", "allowed_hosts", "allowed_cidrs"]) expect(text).toContain(part);
  });

  test("on loopback, a strange name gets nothing at all, and the page's headers with it", async () => {
    await using olla = await startOlla(settingsOf());
    const answer = await get(olla.url + page, { headers: { Host: "evil.example" } });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("unknown_host")]);
    expectPageHeaders(answer);
  });
});

describe("with an admin key", () => {
  test("the page is shown without it, and nothing of what it asks for", async () => {
    await using olla = await startOlla(settingsOf({}, { admin: { key: adminKey } }));
    expect((await get(olla.url + page)).status).toBe(200);
    for (const path of ["/internal/events", "/internal/status", "/internal/config", "/internal/live"]) {
      const answer = await get(olla.url + path);
      expect([path, answer.status]).toEqual([path, 401]);
      await answer.text();
    }
  });

  test("keys of clients are none", async () => {
    const key = "a-client-key-0123456789";
    await using olla = await startOlla({
      ...settingsOf({}, { admin: { key: adminKey } }),
      sections: { auth: { keys: [{ name: "one", hash: `sha256:${digestOf(key)}` }] } },
    });
    const answer = await get(`${olla.url}/internal/events`, { headers: { Authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(401);
    await answer.text();
  });
});

test("with an admin port the page is there and nowhere else", async () => {
  const port = findFreePort();
  await using olla = await startOlla(settingsOf({}, { admin: { port } }));
  expect((await get(olla.url + page)).status).toBe(404);
  expect((await get(`${olla.url}/internal/events`)).status).toBe(404);
  const admin = `http://127.0.0.1:${port}`;
  const answer = await get(admin + page);
  expect(answer.status).toBe(200);
  const [script = ""] = assetsOf(await answer.text()).filter((path) => path.endsWith(".js"));
  expect((await get(admin + script)).status).toBe(200);
});
