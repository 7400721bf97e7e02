import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { Secret } from "../lib/secret.ts";
import type { ListenerTls } from "./listen.ts";
import { createTlsRenewal } from "./tls-renewal.ts";

const folder = join(import.meta.dir, "../../test/fixtures/tls");

function pem(file: string): string {
  return readFileSync(join(folder, file), "utf8");
}

const secondMs = 1_000;

/** The loop over files that a test writes. */
function createScene() {
  const clock = createFakeClock(Date.UTC(2026, 5, 1));
  const files = new Map<string, { text: string; version: number }>();
  const renewed: ListenerTls[] = [];
  const told: string[] = [];
  let reads = 0;
  const write = (path: string, text: string) =>
    files.set(path, { text, version: (files.get(path)?.version ?? 0) + 1 });
  write("cert", pem("one.pem"));
  write("key", pem("one.key"));
  const find = (path: string) => {
    const file = files.get(path);
    if (file === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
    return file;
  };
  const tell =
    (level: string) =>
    (message: string, fields = {}) =>
      told.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const renewal = createTlsRenewal({
    files: { cert: "cert", key: "key", client_ca: undefined },
    initial: {
      cert: pem("one.pem"),
      key: new Secret(pem("one.key")),
      clientCa: undefined,
      minVersion: "1.3",
    },
    clock,
    logger: {
      isEnabled: () => true,
      debug: tell("debug"),
      info: tell("info"),
      warn: tell("warn"),
      error: tell("error"),
    },
    onRenewed: (tls) => renewed.push(tls),
    disk: {
      mark: async (path) => String(find(path).version),
      read: async (path) => {
        reads += 1;
        return find(path).text;
      },
    },
  });
  renewal.start();
  /** Checking a pair takes real time, which the fake clock does not see. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.settle();
    }
  };
  return { clock, files, write, renewed, told, renewal, pass, reads: () => reads };
}

describe("the files of server.tls", () => {
  test("are read once and then only looked at, every 30 s, while nothing changes", async () => {
    const scene = createScene();
    await scene.pass(30 * secondMs);
    expect(scene.reads()).toBe(2);
    for (let look = 0; look < 5; look += 1) await scene.pass(30 * secondMs);
    expect(scene.reads()).toBe(2);
    expect(scene.renewed).toEqual([]);
    expect(scene.told).toEqual([]);
  });

  test("written anew with the same content change nothing", async () => {
    const scene = createScene();
    scene.write("cert", pem("one.pem"));
    await scene.pass(30 * secondMs);
    scene.write("cert", pem("one.pem"));
    await scene.pass(30 * secondMs);
    expect(scene.renewed).toEqual([]);
  });

  test("are taken into use within 30 s, with the oldest version that was configured", async () => {
    const scene = createScene();
    await scene.pass(30 * secondMs);
    scene.write("cert", pem("two.pem"));
    scene.write("key", pem("two.key"));
    await scene.pass(30 * secondMs);
    expect(scene.renewed.map(({ cert, key, minVersion }) => [cert, key.reveal(), minVersion])).toEqual([
      [pem("two.pem"), pem("two.key"), "1.3"],
    ]);
    expect(scene.told.join()).toMatch(/^info New certificate in use.*2125-01-01/);
  });

  test("that changed between the start and the first look are noticed", async () => {
    const scene = createScene();
    scene.write("cert", pem("two.pem"));
    scene.write("key", pem("two.key"));
    await scene.pass(30 * secondMs);
    expect(scene.renewed).toHaveLength(1);
  });

  test("of which only one is written yet are looked at again soon, and nobody is alarmed", async () => {
    const scene = createScene();
    await scene.pass(30 * secondMs);
    scene.write("cert", pem("two.pem"));
    await scene.pass(30 * secondMs);
    expect([scene.renewed.length, scene.told]).toEqual([0, []]);
    scene.write("key", pem("two.key"));
    await scene.pass(5 * secondMs);
    expect(scene.renewed).toHaveLength(1);
    expect(scene.told.join()).toStartWith("info");
  });

  test.each([
    ["do not match", "two.pem", "one.key", /another one/],
    ["are damaged", "make.sh", "one.key", /cert: expected PEM/],
    ["have expired", "expired.pem", "expired.key", /expired on 2021-01-01/],
    ["are of a later time", "future.pem", "future.key", /not valid before 2100/],
    ["have a passphrase", "one.pem", "encrypted.key", /passphrase/],
  ])(
    "that %s leave the old ones in use, with one error, until better ones come",
    async (_case, cert, key, why) => {
      const scene = createScene();
      await scene.pass(30 * secondMs);
      scene.write("cert", pem(cert));
      scene.write("key", pem(key));
      await scene.pass(30 * secondMs);
      expect(scene.told).toEqual([]);
      await scene.pass(5 * secondMs);
      for (let look = 0; look < 5; look += 1) await scene.pass(30 * secondMs);
      expect(scene.renewed).toEqual([]);
      expect(scene.told).toHaveLength(1);
      expect(scene.told[0]).toStartWith("error The changed files of server.tls cannot be used");
      expect(scene.told[0]).toMatch(why);
      expect(scene.told[0]).not.toContain("PRIVATE KEY-----\\n");
      scene.write("cert", pem("two.pem"));
      scene.write("key", pem("two.key"));
      await scene.pass(30 * secondMs);
      expect(scene.renewed).toHaveLength(1);
    },
  );

  test("that are gone are missed once, and found again when they come back", async () => {
    const scene = createScene();
    await scene.pass(30 * secondMs);
    scene.files.delete("key");
    await scene.pass(30 * secondMs);
    await scene.pass(5 * secondMs);
    await scene.pass(60 * secondMs);
    expect(scene.told).toHaveLength(1);
    expect(scene.told[0]).toContain("ENOENT");
    scene.write("cert", pem("two.pem"));
    scene.write("key", pem("two.key"));
    await scene.pass(30 * secondMs);
    expect(scene.renewed).toHaveLength(1);
  });

  test("are left alone after a stop", async () => {
    const scene = createScene();
    await scene.pass(30 * secondMs);
    scene.renewal.stop();
    expect(scene.clock.pendingTimers()).toBe(0);
    scene.write("cert", pem("two.pem"));
    await scene.pass(300 * secondMs);
    expect(scene.reads()).toBe(2);
  });
});
