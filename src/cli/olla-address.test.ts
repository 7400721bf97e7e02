import { expect, test } from "bun:test";
import { UsageError } from "./arguments.ts";
import { addressFrom, parseAddress } from "./olla-address.ts";

const plain = { port: 40114, adminPort: undefined, hasTls: false };

test.each([
  ["localhost", {}, "http://localhost:40114", true],
  ["0.0.0.0", {}, "http://localhost:40114", true],
  ["::", {}, "http://localhost:40114", true],
  ["[::]", {}, "http://localhost:40114", true],
  ["::1", {}, "http://[::1]:40114", true],
  ["192.168.1.5", {}, "http://192.168.1.5:40114", false],
  ["localhost", { adminPort: 40115 }, "http://localhost:40115", true],
  ["olla.example", { hasTls: true }, "https://olla.example:40114", false],
])("a listener on %p with %p is asked at %s", (host, changes, base, isThisMachine) => {
  const address = addressFrom({ ...plain, host, ...changes });
  expect(address).toEqual({ base, socketPath: undefined, shown: base, isThisMachine });
});

test("a listener on a Unix socket is asked there", () => {
  const address = addressFrom({ ...plain, host: "unix:/run/olla.sock" });
  expect(address).toEqual({
    base: "http://localhost",
    socketPath: "/run/olla.sock",
    shown: "unix:/run/olla.sock",
    isThisMachine: true,
  });
});

test.each([
  ["http://gpu:1234", "http://gpu:1234"],
  ["gpu:1234", "http://gpu:1234"],
  ["localhost", "http://localhost"],
  ["https://example.com/olla-here/", "https://example.com/olla-here"],
  ["HTTP://[::1]:80/", "http://[::1]"],
  ["unix:/tmp/o.sock", "http://localhost"],
])("--url %s is understood", (text, base) => {
  expect(parseAddress(text).base).toBe(base);
});

test.each(["", "ftp://x", "http://", "unix:", "http://a b"])("--url %p is wrong usage", (text) => {
  expect(() => parseAddress(text)).toThrow(UsageError);
});

test("a password in a URL is refused, and not repeated", () => {
  try {
    parseAddress("http://admin:canary-password@localhost");
    throw new Error("it was taken");
  } catch (error) {
    expect(String(error)).toContain("OLLA_SERVER_ADMIN_KEY");
    expect(String(error)).not.toContain("canary");
  }
});
