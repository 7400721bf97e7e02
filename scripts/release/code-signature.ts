import { createHash } from "node:crypto";

/** Of a Mach-O file for 64 bits, read as little-endian. Source: mach-o/loader.h of Apple's SDK */
const machMagic = 0xfeedfacf;
const headerSize = 32;
const codeSignatureCommand = 0x1d;
/** Of a code signature, which is big-endian. Source: cs_blobs.h of Apple's XNU */
const superBlobMagic = 0xfade0cc0;
const codeDirectoryMagic = 0xfade0c02;
const sha256 = 2;

/** Why a macOS executable's signature does not hold, or undefined when it does. */
export type SignatureFault = string | undefined;

/**
 * Compares every page of a macOS executable with the hash in its signature, as the kernel does when it loads a page:
 * one that differs ends the process. Who signed is not looked at.
 */
export function findSignatureFault(file: Uint8Array): SignatureFault {
  const view = viewOf(file);
  if (file.length < headerSize || view.getUint32(0, true) !== machMagic) return "it is no 64-bit Mach-O file";
  const place = findSignature(view);
  if (place === undefined) return "it has no signature";
  const directory = findCodeDirectory(file.subarray(place.offset, place.offset + place.size));
  if (directory === undefined) return "its signature has no code directory";
  return checkPages(file, directory, place.offset);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function findSignature(view: DataView): { readonly offset: number; readonly size: number } | undefined {
  const count = view.getUint32(16, true);
  for (let index = 0, at = headerSize; index < count; index++, at += view.getUint32(at + 4, true)) {
    if (view.getUint32(at, true) !== codeSignatureCommand) continue;
    return { offset: view.getUint32(at + 8, true), size: view.getUint32(at + 12, true) };
  }
  return undefined;
}

function findCodeDirectory(signature: Uint8Array): Uint8Array | undefined {
  const view = viewOf(signature);
  if (signature.length < 12 || view.getUint32(0) !== superBlobMagic) return undefined;
  const count = view.getUint32(8);
  for (let index = 0; index < count; index++) {
    const at = view.getUint32(12 + 8 * index + 4);
    if (view.getUint32(at) === codeDirectoryMagic) return signature.subarray(at, at + view.getUint32(at + 4));
  }
  return undefined;
}

function checkPages(file: Uint8Array, directory: Uint8Array, signatureOffset: number): SignatureFault {
  const view = viewOf(directory);
  const hashOffset = view.getUint32(16);
  const pageCount = view.getUint32(28);
  const codeLimit = view.getUint32(32);
  const hashSize = view.getUint8(36);
  const pageSize = 1 << view.getUint8(39);
  if (view.getUint8(37) !== sha256) return "its hashes are not SHA-256";
  if (codeLimit !== signatureOffset) {
    return `its signature covers ${codeLimit} of ${signatureOffset} bytes`;
  }
  if (pageCount !== Math.ceil(codeLimit / pageSize)) return `its signature has ${pageCount} pages`;
  let wrong = 0;
  for (let page = 0; page < pageCount; page++) {
    const bytes = file.subarray(page * pageSize, Math.min((page + 1) * pageSize, codeLimit));
    const at = hashOffset + page * hashSize;
    const expected = directory.subarray(at, at + hashSize);
    if (!createHash("sha256").update(bytes).digest().subarray(0, hashSize).equals(expected)) wrong++;
  }
  return wrong === 0 ? undefined : `${wrong} of its ${pageCount} pages differ from what was signed`;
}
