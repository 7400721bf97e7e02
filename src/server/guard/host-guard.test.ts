import { describe, expect, test } from "bun:test";
import { createHostTest, matchOneStar } from "./host-guard.ts";

const knows = createHostTest({
  own: ["localhost", "Box", "[::1]"],
  listed: ["olla.example.com", "*.office.example"],
});

describe("a host that is known", () => {
  test.each([
    null,
    "",
    "localhost",
    "LOCALHOST:40114",
    "localhost.",
    "localhost.:40114",
    "olla.localhost",
    "box:40114",
    "BOX.",
    "box.local",
    "host.docker.internal:40114",
    "127.0.0.1",
    "127.0.0.1:40114",
    "127.1",
    "0x7f000001:1",
    "192.168.1.5:40114",
    "8.8.8.8",
    "[::1]",
    "[::1]:40114",
    "[2001:DB8::7]:40114",
    "[::ffff:127.0.0.1]",
    "olla.example.com",
    "Olla.Example.Com.:40114",
    "a.office.example",
  ])("is %p", (header) => {
    expect(knows(header)).toBe(true);
    // Once more, from memory.
    expect(knows(header)).toBe(true);
  });

  test.each([
    "evil.test",
    "evil.test:40114",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "evil.test.",
    "notlocalhost",
    "xlocal",
    "evil.com.local.evil.test",
    "office.example",
    "olla.example.com.evil.test",
    "localhost, evil.test",
    "evil.test@localhost",
    "localhost@evil.test",
    "localhost/evil.test",
    "evil.test#localhost",
    "evil.test\\localhost",
    "localhost:99999",
    "localhost:port",
    "[::1",
    "%65vil.test",
    "ｅvil.test",
    " ",
    `${"a".repeat(5_000)}.test`,
  ])("is not %p", (header) => {
    expect(knows(header)).toBe(false);
    expect(knows(header)).toBe(false);
  });
});

test("one * stands for anything, whole texts are compared, and every other character is itself", () => {
  expect(matchOneStar("a.b")("axb")).toBe(false);
  expect(matchOneStar("a*b")("ab")).toBe(true);
  expect(matchOneStar("a*ba")("aba")).toBe(true);
  expect(matchOneStar("aba*aba")("aba")).toBe(false);
  expect(matchOneStar("*")("")).toBe(true);
});
