import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { remember, stopChild } from "./children.ts";

/** Something that answers at a port, in front of the fake upstream or the upstream itself. */
export interface Peer {
  readonly name: string;
  /** Unset: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  readonly path: string;
  /** The process whose costs are counted; its children count too. */
  readonly pid: number;
  stop(): Promise<void>;
}

const projectFolder = join(import.meta.dir, "..");
const chatPath = "/olla/proxy/v1/chat/completions";

export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

export async function isOpen(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

interface Patience {
  readonly seconds?: number;
  /** Longer than the usual millisecond where a look costs something. */
  readonly everyMs?: number;
}

/** Polls; fails after ten seconds, or as many as given. */
export async function untilTrue(
  condition: () => Promise<boolean>,
  what: string,
  { seconds = 10, everyMs = 1 }: Patience = {},
): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > seconds * 1_000) throw new Error(`not within ${seconds} s: ${what}`);
    await Bun.sleep(everyMs);
  }
}

/** @param fixedPort for proxies that were started by hand and need to know where it is */
export async function startUpstream(fixedPort = 0): Promise<Peer> {
  const script = join(import.meta.dir, "fake-upstream.ts");
  const child = remember(Bun.spawn([process.execPath, script, String(fixedPort)], { stdout: "pipe" }));
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const port = Number(new TextDecoder().decode(value).trim());
  if (!port) throw new Error(`the fake upstream did not start at port ${fixedPort}`);
  return { name: "direct", port, path: "/v1/chat/completions", pid: child.pid, stop: () => stopChild(child) };
}

export function ollaCommand(): string[] {
  const binary = join(projectFolder, "dist/olla");
  return existsSync(binary) ? [binary] : [process.execPath, join(projectFolder, "src/main.ts")];
}

export interface OllaProcess {
  readonly child: Bun.Subprocess;
  readonly port: number;
}

export interface OllaOptions {
  readonly command?: readonly string[];
  /** Besides the defaults. */
  readonly config?: object;
  /** Besides name, URL and type, in every endpoint's entry. */
  readonly endpoint?: object;
  /** Unset: it lists the upstream's model. Not asked by `spawnOlla`. */
  readonly isReady?: (port: number) => Promise<boolean>;
  readonly patience?: Patience;
}

/** Starts Olla with its defaults in front of the given addresses; resolves at once. Logs go to a file. */
export async function spawnOlla(
  folder: string,
  name: string,
  endpointUrls: readonly string[],
  options: OllaOptions = {},
): Promise<OllaProcess> {
  const port = freePort();
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  const configFile = join(home, "olla.yaml");
  const endpoints = endpointUrls.map((url, index) => ({
    name: `endpoint-${index}`,
    url,
    type: "vllm",
    ...options.endpoint,
  }));
  const config = {
    server: { host: "127.0.0.1", port },
    discovery: { type: "static", static: { endpoints } },
    ...options.config,
  };
  await Bun.write(configFile, JSON.stringify(config));
  const command = [...(options.command ?? ollaCommand()), "serve", "--config", configFile];
  const child = Bun.spawn(command, {
    cwd: home,
    env: { PATH: process.env.PATH ?? "", HOME: home },
    stdout: Bun.file(join(home, "olla.log")),
    stderr: Bun.file(join(home, "olla.err")),
  });
  return { child: remember(child), port };
}

async function knowsModel(port: number): Promise<boolean> {
  // A connection that stays open has the runtime wake each second, for the time in its heads.
  const answer = await fetch(`http://127.0.0.1:${port}/olla/proxy/v1/models`, { keepalive: false });
  return answer.ok && (await answer.text()).includes('"bench"');
}

/** Olla with the engine that is compared, once it has found the upstream's model. */
export async function startOlla(
  folder: string,
  name: string,
  endpointUrls: readonly string[],
  options: OllaOptions = {},
): Promise<Peer> {
  const config = { proxy: { engine: "olla" }, ...options.config };
  const { isReady = knowsModel, patience = { everyMs: 10 } } = options;
  const { child, port } = await spawnOlla(folder, name, endpointUrls, { ...options, config });
  try {
    const isThere = async () => child.exitCode !== null || (await isReady(port).catch(() => false));
    await untilTrue(isThere, "olla has found the models", patience);
    if (child.exitCode !== null) {
      const said = await Bun.file(join(folder, name, "olla.err")).text();
      throw new Error(`olla exited with ${child.exitCode}: ${said}`);
    }
  } catch (error) {
    await stopChild(child);
    throw error;
  }
  return { name: "olla", port, path: chatPath, pid: child.pid, stop: () => stopChild(child) };
}

/** The same process, asked in a dialect that it has to translate. */
export function translatedOlla({ port, pid }: Peer): Peer {
  const path = "/olla/proxy/v1/messages";
  return { name: "translated", port, path, pid, stop: () => Promise.resolve() };
}

export { stopChild };
