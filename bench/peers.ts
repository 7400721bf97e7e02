import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** Something that answers at a port, in front of the fake upstream or the upstream itself. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** The process whose costs are counted; its children count too. */
  readonly pid: number;
  /** Answers streams only: nothing else of it is compared. */
  readonly isForStreams?: boolean;
  stop(): Promise<void>;
}

const projectFolder = join(import.meta.dir, "..");

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

/** Polls every millisecond; fails after ten seconds. */
export async function untilTrue(condition: () => Promise<boolean>, what: string): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > 10_000) throw new Error(`not within 10 s: ${what}`);
    await Bun.sleep(1);
  }
}

async function stopChild(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await child.exited;
  clearTimeout(forced);
}

export async function startUpstream(): Promise<Peer> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "fake-upstream.ts")], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const port = Number(new TextDecoder().decode(value).trim());
  return { name: "direct", port, path: "/v1/chat/completions", pid: child.pid, stop: () => stopChild(child) };
}

function nginxConfig(folder: string, port: number, upstreamPort: number): string {
  return `
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  upstream fake { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://fake; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}`;
}

/** Undefined where nginx is not installed. */
export async function startNginx(folder: string, upstream: Peer): Promise<Peer | undefined> {
  const executable = ["/usr/sbin/nginx", "/usr/bin/nginx", "/opt/homebrew/bin/nginx"].find((file) =>
    existsSync(file),
  );
  if (executable === undefined) return undefined;
  const port = freePort();
  const configFile = join(folder, "nginx.conf");
  await Bun.write(configFile, nginxConfig(folder, port, upstream.port));
  const child = Bun.spawn([executable, "-p", folder, "-c", configFile], {
    stdout: "ignore",
    stderr: "ignore",
  });
  await untilTrue(() => isOpen(port), "nginx listens");
  return { name: "nginx", port, path: upstream.path, pid: child.pid, stop: () => stopChild(child) };
}

export function ollaCommand(): string[] {
  const binary = join(projectFolder, "dist/olla");
  return existsSync(binary) ? [binary] : [process.execPath, join(projectFolder, "src/main.ts")];
}

export interface OllaProcess {
  readonly child: Bun.Subprocess;
  readonly port: number;
}

interface OllaOptions {
  readonly command?: readonly string[];
  /** Besides the defaults. */
  readonly config?: object;
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
  const endpoints = endpointUrls.map((url, index) => ({ name: `endpoint-${index}`, url, type: "vllm" }));
  const config = {
    server: { host: "127.0.0.1", port },
    discovery: { type: "static", static: { endpoints } },
    ...options.config,
  };
  await Bun.write(configFile, JSON.stringify(config));
  const child = Bun.spawn([...(options.command ?? ollaCommand()), "serve", "--config", configFile], {
    cwd: home,
    env: { PATH: process.env.PATH ?? "", HOME: home },
    stdout: Bun.file(join(home, "olla.log")),
    stderr: Bun.file(join(home, "olla.err")),
  });
  return { child, port };
}

export async function startOlla(folder: string, upstream: Peer): Promise<Peer> {
  // With it, endpoints that know the Messages API would get them as they are.
  const config = { translators: { anthropic: { passthrough_enabled: false } } };
  const { child, port } = await spawnOlla(folder, "olla", [`http://127.0.0.1:${upstream.port}`], { config });
  await untilTrue(async () => {
    if (child.exitCode !== null) throw new Error(`olla exited with ${child.exitCode}, see ${folder}/olla`);
    const answer = await fetch(`http://127.0.0.1:${port}/olla/proxy/v1/models`).catch(() => undefined);
    return answer?.ok === true && (await answer.text()).includes('"bench"');
  }, "olla has found the model");
  const path = "/olla/proxy/v1/chat/completions";
  return { name: "olla", port, path, pid: child.pid, stop: () => stopChild(child) };
}

/** The same process, asked in a dialect that it has to translate. */
export function translatedOlla({ port, pid }: Peer): Peer {
  const path = "/olla/proxy/v1/messages";
  return { name: "translated", port, path, pid, isForStreams: true, stop: () => Promise.resolve() };
}

export { stopChild };
