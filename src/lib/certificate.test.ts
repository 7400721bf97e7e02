import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expiryOf, findCaFault, findDateFault, findTlsAdvice, findTlsFaults } from "./certificate.ts";

const folder = join(import.meta.dir, "../../test/fixtures/tls");

function pem(file: string): string {
  return readFileSync(join(folder, file), "utf8");
}

async function faultsOf(cert: string, key: string, clientCa?: string): Promise<string[]> {
  const faults = await findTlsFaults({ cert, key, clientCa });
  return faults.map(({ part, message }) => `${part}: ${message}`);
}

const today = Date.UTC(2026, 5, 1);

describe("a pair", () => {
  test("that fits together has no fault, with or without its chain and with authorities for clients", async () => {
    expect(await faultsOf(pem("one.pem"), pem("one.key"))).toEqual([]);
    const chain = `${pem("one.pem")}${pem("authority.pem")}`;
    expect(await faultsOf(chain, pem("one.key"), pem("authority.pem"))).toEqual([]);
    // Text around the blocks, as openssl writes it, and Windows line ends.
    expect(await faultsOf(`Subject: one\n${chain}`.replaceAll("\n", "\r\n"), pem("one.key"))).toEqual([]);
  });

  test.each([
    ["that is of two requests", "one.pem", "two.key", /^key: expected the private key of the certificate/],
    ["that is swapped", "one.key", "one.pem", /^cert: .*swapped\?,key: .*swapped\?$/],
    ["with a passphrase", "one.pem", "encrypted.key", /^key: .*passphrase.*openssl pkey/],
  ])("%s is told from others", async (_case, cert, key, told) => {
    expect((await faultsOf(pem(cert), pem(key))).join()).toMatch(told);
  });

  test("whose chain begins with the authority is told to turn it around", async () => {
    const faults = await faultsOf(`${pem("authority.pem")}${pem("one.pem")}`, pem("one.key"));
    expect(faults.join()).toMatch(/^cert: .*first/);
  });

  test("that is no PEM, empty, cut or damaged is refused part by part, and no key is quoted", async () => {
    const key = pem("one.key");
    const body = key.split("\n")[1] ?? "";
    for (const bad of ["", "hello", "\u0000\u0001", pem("one.pem").slice(0, 300)]) {
      expect((await faultsOf(bad, key)).join()).toMatch(/^cert: expected/);
    }
    const damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect((await faultsOf(damaged, key)).join()).toMatch(/^cert: .*damaged/);
    for (const bad of ["", "hello", key.slice(0, 100), key.replace(body, "AAAA")]) {
      const faults = (await faultsOf(pem("one.pem"), bad)).join();
      expect(faults).toMatch(/^key: expected/);
      expect(faults).not.toContain(body.slice(0, 20));
    }
  });

  test("with authorities for clients that are none is refused", async () => {
    expect((await faultsOf(pem("one.pem"), pem("one.key"), "hello")).join()).toMatch(
      /^client_ca: expected PEM/,
    );
    expect(findCaFault(pem("authority.pem"))).toBeUndefined();
    expect(findCaFault(pem("one.key"))).toContain("BEGIN CERTIFICATE");
  });
});

describe("what clients will stumble over", () => {
  test("is nothing within its time and for its names", () => {
    for (const host of ["localhost", "127.0.0.1", "0.0.0.0", "::", "[::]", ""]) {
      expect([host, findTlsAdvice(pem("one.pem"), host, today)]).toEqual([host, []]);
    }
    expect(findDateFault(pem("one.pem"), today)).toBeUndefined();
  });

  test("is a time that is over or not yet come, with the day", () => {
    expect(findTlsAdvice(pem("expired.pem"), "localhost", today)).toEqual([
      "the certificate expired on 2021-01-01; clients refuse it",
    ]);
    expect(findDateFault(pem("future.pem"), today)).toContain("not valid before 2100-01-01");
    expect(findTlsAdvice(pem("expired.pem"), "localhost", Date.UTC(2020, 11, 28))).toEqual([
      "the certificate expires on 2021-01-01, in 4 days",
    ]);
    expect(expiryOf(pem("expired.pem"))).toBe(Date.UTC(2021, 0, 1));
  });

  test("is a name that it does not carry, with those that it does", () => {
    const [advice] = findTlsAdvice(pem("gpu.pem"), "10.0.0.7", today);
    expect(advice).toContain('not for "10.0.0.7"');
    expect(advice).toContain("gpu.example");
  });
});
