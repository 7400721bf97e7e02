import { describe, expect, test } from "bun:test";
import { arrive } from "../arrival.ts";
import { createOriginReader } from "./client-address.ts";
import { findForeignPage } from "./origin-guard.ts";

interface Asked {
  readonly method?: string;
  readonly isTrusting?: boolean;
  readonly mayCall?: (origin: string) => boolean;
}

function pageOf(headers: Record<string, string>, { method = "POST", isTrusting, mayCall }: Asked = {}) {
  const connection = { requestIP: () => ({ address: "127.0.0.1" }), timeout: () => {} };
  const clock = { now: () => 0, wallTime: () => 0, after: () => () => {}, deadline: () => () => {} };
  const request = new Request("http://localhost/olla/proxy/v1/chat/completions", {
    method,
    headers: { Host: "olla.example.com", ...headers },
  });
  const readOrigin = isTrusting === true ? createOriginReader(() => true) : undefined;
  return findForeignPage(arrive(request, connection, clock, readOrigin), mayCall);
}

describe("the page behind a request", () => {
  test("is none where no Origin is sent, as programs do", () => {
    expect(pageOf({})).toBeUndefined();
    expect(pageOf({ "Sec-Fetch-Mode": "cors" }, { method: "GET" })).toBeUndefined();
  });

  test.each([
    "http://localhost:3000",
    "https://tauri.localhost",
    "http://127.0.0.1",
    "http://[::1]:8080",
    "capacitor://localhost",
    "app://obsidian.md",
    "file://",
    "tauri://localhost",
    "vscode-webview://abc",
    "vscode-file://vscode-app",
    "http://olla.example.com",
    "https://olla.example.com",
  ])("is no other site's when it is %s", (origin) => {
    expect(pageOf({ Origin: origin })).toBeUndefined();
  });

  test.each([
    "https://evil.test",
    "null",
    "",
    "nonsense",
    "http://localhost.evil.test",
    "http://olla.example.com:8080",
    "http://olla.example.com.evil.test",
    "chrome-extension://abcdef",
    "https://evil.test, http://localhost",
    "ftp://olla.example.com",
  ])("is another site's when it is %p, whatever the method", (origin) => {
    expect(pageOf({ Origin: origin })).toBe(`"${origin}"`);
    expect(pageOf({ Origin: origin }, { method: "GET" })).toBe(`"${origin}"`);
  });

  test("may be allowed to call", () => {
    const mayCall = (origin: string) => origin === "null";
    expect(pageOf({ Origin: "null" }, { mayCall })).toBeUndefined();
    expect(pageOf({ Origin: "https://evil.test" }, { mayCall })).toBeDefined();
  });

  test("is ours by the name that a trusted proxy heard, and nobody else's word", () => {
    const headers = { Origin: "https://ai.example.com", "X-Forwarded-Host": "ai.example.com" };
    expect(pageOf(headers, { isTrusting: true })).toBeUndefined();
    expect(pageOf(headers)).toBeDefined();
    expect(pageOf({ Origin: "https://ai.example.com" }, { isTrusting: true })).toBeDefined();
  });

  test("that wants only a picture or a script is told by its browser; following a link is fine", () => {
    const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" };
    expect(pageOf(headers, { method: "GET" })).toBe("another site");
    expect(pageOf({ ...headers, "Sec-Fetch-Mode": "navigate" }, { method: "GET" })).toBeUndefined();
    expect(pageOf({ ...headers, "Sec-Fetch-Site": "same-origin" }, { method: "GET" })).toBeUndefined();
  });

  test("is not repeated in full when somebody made up a long one", () => {
    expect(pageOf({ Origin: `https://${"a".repeat(9_000)}` })?.length).toBe(102);
  });
});
