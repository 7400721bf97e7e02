import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileCidrs, describeCidrFault, networkOf, readAddress } from "./cidr.ts";

describe("a range in a configuration", () => {
  test.each([
    "10.0.0.0/8",
    "0.0.0.0/0",
    "192.0.2.7/32",
    "2001:db8::/32",
    "::1/128",
    "::/0",
    "::ffff:10.0.0.0/104",
  ])("%p is taken", (range) => expect(describeCidrFault(range)).toBeUndefined());

  test.each([
    ["10.1.2.3/8", "write that for the range, or 10.1.2.3/32 for the address alone"],
    ["10.1.2.3/8", "which is an address inside 10.0.0.0/8"],
    ["192.168.1.1/31", "inside 192.168.1.0/31"],
    ["2001:db8::1/32", "inside 2001:db8::/32"],
    ["10.0.0.1", "write 10.0.0.1/32 for one address"],
    ["::1", "write ::1/128 for one address"],
  ])("%p is refused: %p", (range, message) => expect(describeCidrFault(range)).toContain(message));

  test.each([
    "",
    "/",
    "10.0.0.0/",
    "10.0.0.0/33",
    "::/129",
    "10/8",
    "010.0.0.0/8",
    "0x7f.0.0.1/8",
    "10.0.0.0/8/8",
    "any",
    "10.0.0.0/-1",
    " 10.0.0.0/8",
  ])("%p is refused", (range) =>
    expect(describeCidrFault(range)).toStartWith("expected a range such as 10.0.0.0/8, got "),
  );
});

describe("an address", () => {
  test.each([
    [["10.0.0.0/8"], "10.255.0.1", true],
    [["10.0.0.0/8"], "11.0.0.1", false],
    [["10.0.0.0/8"], "::ffff:10.0.0.1", true],
    [["::ffff:10.0.0.0/104"], "10.9.9.9", true],
    [["::ffff:10.0.0.0/104"], "11.9.9.9", false],
    [["2001:db8::/32"], "2001:db8:ffff::1", true],
    [["0.0.0.0/0"], "2001:db8::1", false],
    [["::/0"], "10.0.0.1", false],
    [["127.0.0.0/8", "::1/128"], "::1", true],
    [["127.0.0.0/8"], "127.1", false],
    [["0.0.0.0/0", "::/0"], "unknown", false],
    [[], "127.0.0.1", false],
  ])("in %p: %p is %p", (ranges, address, expected) => {
    expect(compileCidrs(ranges)(address)).toBe(expected);
  });

  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["  203.0.113.7\t", "203.0.113.7"],
    ["203.0.113.7:4711", "203.0.113.7"],
    ["[2001:DB8::1]:4711", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["2001:db8:0:0::1", "2001:db8::1"],
    ['"[2001:db8::1]"', "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["127.1", undefined],
    ["0x7f.0.0.1", undefined],
    ["010.0.0.1", undefined],
    ["256.0.0.1", undefined],
    ["unknown", undefined],
    ["_hidden", undefined],
    ["", undefined],
    ["1.2.3.4:port", undefined],
    ["[1.2.3.4", undefined],
    ["1.2.3.4, 5.6.7.8", undefined],
    ["2001:db8::1::2", undefined],
    ["9".repeat(10_000), undefined],
  ])("written as %p is read as %p", (text, expected) => expect(readAddress(text)).toBe(expected));

  test("is read from anything without a failure, and what was read is read the same again", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([ip, port]) => `${ip}:${port}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const address = readAddress(text);
        if (address !== undefined) expect(readAddress(address)).toBe(address);
      }),
    );
  });

  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80::/64"],
    ["unknown", "unknown"],
  ])("%p shares its limit with all of %p", (address, network) => expect(networkOf(address)).toBe(network));
});
