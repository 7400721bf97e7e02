import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "./free-port.ts";
import { accessRecords, type LogRecord } from "./log-lines.ts";
import { type OllaSettings, renderConfig } from "./olla-config.ts";
import { waitUntilReady } from "./olla-readiness.ts";
import { waitUntil } from "./wait-until.ts";

export interface SpawnedOlla extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  accessLog(): LogRecord[];
  signal(name: NodeJS.Signals): void;
  /** Puts another configuration into the file, by renaming it into place; the port stays. */
  rewrite(settings: OllaSettings | string): Promise<void>;
  readonly exited: Promise<number>;
}

const mainFile = join(import.meta.dir, "../../src/main.ts");

/** The command that runs Olla from source. */
export const sourceCommand: readonly string[] = [process.execPath, mainFile];

const binary = join(import.meta.dir, "../../dist", process.platform === "win32" ? "olla.exe" : "olla");

/** The compiled file where the run was started for it (`npm run test:binary`), else from source. */
const commandUnderTest = process.env.OLLA_TEST_BINARY === "1" ? [binary] : sourceCommand;

/**
 * Runs `olla serve` as a process of its own, in a folder with nothing but `files`, and with no environment but the path
 * and `env`.
 */
export async function spawnOlla(
  settings: OllaSettings,
  command: readonly string[] = commandUnderTest,
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<SpawnedOlla> {
  const folder = await mkdtemp(join(tmpdir(), "olla-test-"));
  const asked = settings.server?.port;
  const port = typeof asked === "number" ? asked : findFreePort();
  const configFile = join(folder, "olla.yaml");
  await Bun.write(configFile, renderConfig(settings, port));
  for (const [name, content] of Object.entries(files)) await Bun.write(join(folder, name), content);
  const child = Bun.spawn([...command, "serve", "--config", configFile], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOME: folder, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let written = "";
  const gather = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const piece of stream) written += decoder.decode(piece, { stream: true });
  };
  const gathered = Promise.all([gather(child.stdout), gather(child.stderr)]);
  const scheme = settings.server?.tls === undefined ? "http" : "https";
  const url = `${scheme}://127.0.0.1:${port}`;
  const olla: SpawnedOlla = {
    url,
    port,
    pid: child.pid,
    output: () => written,
    accessLog: () => accessRecords(written),
    signal: (name) => child.kill(name),
    async rewrite(changed) {
      await Bun.write(
        `${configFile}.new`,
        typeof changed === "string" ? changed : renderConfig(changed, port),
      );
      await rename(`${configFile}.new`, configFile);
    },
    exited: child.exited.then(async (code) => {
      await gathered;
      return code;
    }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await waitUntil(
      async () => {
        if (child.exitCode !== null) throw new Error(`olla exited with ${child.exitCode}:\n${written}`);
        return await fetch(`${url}/internal/health`, { tls: { rejectUnauthorized: false } }).then(
          (answer) => answer.ok,
          () => false,
        );
      },
      { deadlineMs: 10_000, what: "olla listens" },
    );
    await waitUntilReady(url, settings);
  } catch (error) {
    await olla[Symbol.asyncDispose]();
    throw error;
  }
  return olla;
}
