import { expect, test } from "bun:test";
import { requireLocalCaller } from "./admin-access.ts";
import { arrive } from "./arrival.ts";

function ask(clientAddress: string, headers: Record<string, string> = {}): () => void {
  const connection = { requestIP: () => ({ address: clientAddress }), timeout: () => {} };
  const clock = { now: () => 0, wallTime: () => 0, after: () => () => {}, deadline: () => () => {} };
  const request = new Request("http://localhost/olla/ollama/api/delete", { method: "DELETE", headers });
  return () => requireLocalCaller(arrive(request, connection, clock), (host) => host !== "evil.test");
}

test.each(["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])("%s is this machine", (address) => {
  expect(ask(address)).not.toThrow();
});

test.each(["192.168.1.7", "10.0.0.1", "fe80::1", "::ffff:192.168.1.7", "unknown"])("%s is not", (address) => {
  expect(ask(address)).toThrow("only programs on the machine");
});

test.each(["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"])(
  "%s tells of a proxy, so it is not",
  (name) => {
    expect(ask("127.0.0.1", { [name]: "127.0.0.1" })).toThrow("only programs on the machine");
  },
);

test.each([
  "http://localhost:3000",
  "http://127.0.0.1:8080",
  "http://[::1]:8080",
  "app://obsidian.md",
  "file://",
  "tauri://localhost",
  "vscode-webview://abc",
])("a page of %s is a program's own", (origin) => {
  expect(ask("127.0.0.1", { Origin: origin })).not.toThrow();
});

test.each(["https://evil.test", "http://localhost.evil.test", "http://127.0.0.1.evil.test", "null", ""])(
  "a page of %p is not",
  (origin) => {
    expect(ask("127.0.0.1", { Origin: origin })).toThrow("a page of");
  },
);

test("a name that is not this machine's is how a web page gets here that made its own name lead to 127.0.0.1", () => {
  expect(ask("127.0.0.1", { Host: "evil.test" })).toThrow('not as "evil.test"');
  expect(ask("127.0.0.1", { Host: "localhost:40114" })).not.toThrow();
});
