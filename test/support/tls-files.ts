import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "../../src/lib/secret.ts";
import type { ListenerTls } from "../../src/server/listen.ts";

const folder = join(import.meta.dir, "../fixtures/tls");

/** `test/fixtures/tls/make.sh` says what each of them is. */
export function tlsPath(file: string): string {
  return join(folder, file);
}

export function pem(file: string): string {
  return readFileSync(tlsPath(file), "utf8");
}

export function pairOf(name: string): { cert: string; key: string } {
  return { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
}

export function listenerTls(name: string, changes: Partial<ListenerTls> = {}): ListenerTls {
  const { cert, key } = pairOf(name);
  return { cert, key: new Secret(key), clientCa: undefined, minVersion: "1.2", ...changes };
}
