import { join } from "node:path";
import packageFile from "../../../package.json" with { type: "json" };
import { checksumFile } from "../../../scripts/checksums.ts";
import { archiveName } from "../../../scripts/release/artifacts.ts";
import { hostTarget } from "../../../scripts/targets.ts";

const folder = join(import.meta.dir, "../../../dist/release");

/** The version that was packed, and the archive for this machine. */
export const packedVersion = packageFile.version;
export const packedArchive = archiveName(packedVersion, hostTarget());

/** A mirror of the releases on this machine, with the addresses that install.sh asks for. */
export class ReleaseServer implements AsyncDisposable {
  readonly #server: Bun.Server<undefined>;
  readonly #replaced: ReadonlyMap<string, Uint8Array | string>;
  /** Paths that were asked for. */
  readonly requests: string[] = [];

  /** @param replaced by file name, what is served in its place */
  constructor(replaced: Readonly<Record<string, Uint8Array | string>> = {}) {
    this.#replaced = new Map(Object.entries(replaced));
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => this.#answer(new URL(request.url).pathname),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(path: string): Promise<Response> {
    this.requests.push(path);
    const name = /^\/(?:latest\/download|download\/v([^/]+))\/([^/]+)$/.exec(path);
    const [, version = packedVersion, file = ""] = name ?? [];
    if (name === null || version !== packedVersion) return new Response("no such release", { status: 404 });
    const replacement = this.#replaced.get(file);
    if (replacement !== undefined) return new Response(replacement);
    const stored = Bun.file(join(folder, file));
    return (await stored.exists()) ? new Response(stored) : new Response("no such file", { status: 404 });
  }
}

/** The archive as it was packed. */
export async function readPackedArchive(): Promise<Uint8Array> {
  return await Bun.file(join(folder, packedArchive)).bytes();
}

/** A list of checksums in which only this archive stands. */
export function listChecksum(name: string, archive: Uint8Array): Readonly<Record<string, string>> {
  return { [checksumFile]: `${new Bun.CryptoHasher("sha256").update(archive).digest("hex")}  ${name}\n` };
}
