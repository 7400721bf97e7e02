import { describe, expect, test } from "bun:test";
import { unzipSync } from "fflate";
import { parseTarGzip } from "nanotar";
import { type ArchiveFile, tarGzip, zip } from "./archive.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const settings = { date: new Date("2026-11-28T12:34:56Z") };
const files: readonly ArchiveFile[] = [
  { path: "olla-1/olla", bytes: encoder.encode("program"), isExecutable: true },
  { path: "olla-1/LICENSE", bytes: encoder.encode("license") },
];

describe("a tar file", () => {
  test("has the files by name, with modes and the time that was given, and no owner", async () => {
    const entries = await parseTarGzip(tarGzip(files, settings));
    expect(entries.map(({ name, text, attrs }) => [name, text, attrs?.mode?.trim(), attrs?.uid])).toEqual([
      ["olla-1/LICENSE", "license", "0000644", 0],
      ["olla-1/olla", "program", "0000755", 0],
    ]);
    for (const { attrs } of entries) expect(attrs?.mtime).toBe(settings.date.getTime() / 1000);
  });

  test("is one that the system's tar reads without a complaint, whatever the size", () => {
    // With 17 blocks of content and one header the padding to ten kilobytes is just full.
    for (const size of [0, 1, 512, 9216, 9728]) {
      const archive = tarGzip([{ path: "a", bytes: new Uint8Array(size) }], settings);
      const { exitCode, stdout, stderr } = Bun.spawnSync(["tar", "-tzf", "-"], { stdin: archive });
      expect([exitCode, stdout.toString(), stderr.toString()]).toEqual([0, "a\n", ""]);
    }
  });

  test("refuses a name that it would cut", () => {
    const path = "n".repeat(101);
    expect(() => tarGzip([{ path, bytes: new Uint8Array() }], settings)).toThrow(/too long/);
  });
});

test("a zip file has the same files", () => {
  const contents = Object.entries(unzipSync(zip(files, settings)));
  expect(contents.map(([path, bytes]) => [path, decoder.decode(bytes)])).toEqual([
    ["olla-1/LICENSE", "license"],
    ["olla-1/olla", "program"],
  ]);
});

test("the same files give the same bytes, in any order and time zone", () => {
  const script = `
    import { tarGzip, zip } from ${JSON.stringify(`${import.meta.dir}/archive.ts`)};
    const settings = { date: new Date("2026-11-28T12:34:56Z") };
    const files = ["b", "a"].map((path) => ({ path, bytes: new Uint8Array(100) }));
    const hash = (bytes) => Bun.CryptoHasher.hash("sha256", bytes, "hex");
    for (const make of [tarGzip, zip]) console.log(hash(make(files, settings)), hash(make(files.reverse(), settings)));`;
  const [here, elsewhere] = ["UTC", "Australia/Melbourne"].map((TZ) =>
    Bun.spawnSync([process.execPath, "-e", script], { env: { ...process.env, TZ } }).stdout.toString(),
  );
  expect(here).toMatch(/^([0-9a-f]{64}) \1\n([0-9a-f]{64}) \2\n$/);
  expect(elsewhere).toBe(here as string);
});
