import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { findSignatureFault } from "./code-signature.ts";
import { findSigner } from "./sign-darwin.ts";

const pageSize = 4096;
const hashSize = 32;

interface Changes {
  readonly codeLimit?: number;
  readonly hashType?: number;
}

/** A Mach-O file made by hand: a header with two commands, some pages, and a signature with the hashes of these. */
function makeSignedFile(codeSize: number, changes: Changes = {}): Buffer {
  const code = Buffer.alloc(codeSize, "code");
  code.fill(0, 0, 32);
  code.writeUInt32LE(0xfeedfacf, 0);
  code.writeUInt32LE(2, 16);
  code.set(littleEndian(0x1b, 24, 0, 0, 0, 0), 32);
  const pageCount = Math.ceil(codeSize / pageSize);
  const directory = Buffer.alloc(44 + pageCount * hashSize);
  directory.set(
    bigEndian(0xfade0c02, directory.length, 0x20400, 2, 44, 0, 0, pageCount, changes.codeLimit ?? codeSize),
  );
  directory.set([hashSize, changes.hashType ?? 2, 0, Math.log2(pageSize)], 36);
  const signature = Buffer.concat([bigEndian(0xfade0cc0, 20 + directory.length, 1, 0, 20), directory]);
  code.set(littleEndian(0x1d, 16, codeSize, signature.length), 56);
  for (let page = 0; page < pageCount; page++) {
    const hash = createHash("sha256").update(code.subarray(page * pageSize, (page + 1) * pageSize));
    signature.set(hash.digest(), 20 + 44 + page * hashSize);
  }
  return Buffer.concat([code, signature]);
}

function littleEndian(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32LE(number, index * 4);
  return bytes;
}

function bigEndian(...numbers: number[]): Buffer {
  return littleEndian(...numbers).swap32();
}

describe("a signature for macOS", () => {
  test("holds when every page is what was signed, the last and shorter one too", () => {
    for (const size of [pageSize, 2 * pageSize, 2 * pageSize + 100]) {
      expect(findSignatureFault(makeSignedFile(size))).toBeUndefined();
    }
  });

  test("does not hold when a byte was changed afterwards", () => {
    const file = makeSignedFile(3 * pageSize + 100);
    file[pageSize + 1] = 0;
    file[3 * pageSize + 99] = 0;
    expect(findSignatureFault(file)).toBe("2 of its 4 pages differ from what was signed");
  });

  test("does not hold when it is that of a shorter file, or of hashes that are not checked", () => {
    expect(findSignatureFault(makeSignedFile(8192, { codeLimit: 4096 }))).toBe(
      "its signature covers 4096 of 8192 bytes",
    );
    expect(findSignatureFault(makeSignedFile(4096, { hashType: 1 }))).toBe("its hashes are not SHA-256");
  });

  test("is missed in a file that has none, and in a file of another kind", () => {
    const file = makeSignedFile(4096);
    file.writeUInt32LE(1, 16);
    expect(findSignatureFault(file)).toBe("it has no signature");
    expect(findSignatureFault(Buffer.from("#!/bin/sh\n"))).toBe("it is no 64-bit Mach-O file");
  });
});

test("what signs is looked for in the path", () => {
  const installed =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name) ? `/bin/${name}` : null;
  expect(findSigner(installed())).toBeUndefined();
  expect(findSigner(installed("rcodesign"))?.[0]).toBe("/bin/rcodesign");
  // Other systems may have a program of that name, which is not Apple's.
  expect(findSigner(installed("codesign"))?.[0]).toBe(
    process.platform === "darwin" ? "/bin/codesign" : undefined,
  );
});
