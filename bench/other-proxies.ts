import { existsSync } from "node:fs";
import { join } from "node:path";
import { remember, stopChild } from "./children.ts";
import { listeningPid } from "./listening-process.ts";
import { freePort, isOpen, type Peer, untilTrue } from "./peers.ts";

const folders = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/** Those that belong to root are on few users' path. */
export function findProgram(name: string): string | undefined {
  return Bun.which(name) ?? folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

function nginxConfig(folder: string, port: number, upstreamPort: number): string {
  return `
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000;
  client_max_body_size 64m; client_body_buffer_size 32m;
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

function haproxyConfig(port: number, upstreamPort: number): string {
  return `
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  option http-no-delay
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port}
  default_backend fake
backend fake
  server fake 127.0.0.1:${upstreamPort}
`;
}

/** Whether a request of the load is answered. */
async function answers(url: string): Promise<boolean> {
  const body = JSON.stringify({ model: "bench", messages: [{ role: "user", content: "Hello" }] });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", body, headers }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.ok === true;
}

interface Launch {
  readonly name: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly port: number;
  readonly path: string;
}

/** Starts a proxy, until it answers. */
export async function launch({ name, command, folder, port, path }: Launch): Promise<Peer> {
  const log = join(folder, `${name}.log`);
  const child = Bun.spawn([...command], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOME: folder },
    stdout: Bun.file(log),
    stderr: Bun.file(log),
  });
  remember(child);
  try {
    await untilTrue(() => isOpen(port), `${name} listens`);
    await untilTrue(() => answers(`http://127.0.0.1:${port}${path}`), `${name} answers`, { everyMs: 10 });
  } catch (error) {
    await stopChild(child);
    throw new Error(`${name} did not start: ${(await Bun.file(log).text()).slice(-1_000)}`, { cause: error });
  }
  return { name, port, path, pid: child.pid, stop: () => stopChild(child) };
}

/** One worker that keeps its connections. Undefined where it is not installed. */
export async function startNginx(folder: string, upstream: Peer): Promise<Peer | undefined> {
  const executable = findProgram("nginx");
  if (executable === undefined) return undefined;
  const port = freePort();
  const configFile = join(folder, "nginx.conf");
  await Bun.write(configFile, nginxConfig(folder, port, upstream.port));
  const command = [executable, "-p", folder, "-c", configFile];
  return await launch({ name: "nginx", command, folder, port, path: upstream.path });
}

/** One thread that keeps its connections. Undefined where it is not installed. */
export async function startHaproxy(folder: string, upstream: Peer): Promise<Peer | undefined> {
  const executable = findProgram("haproxy");
  if (executable === undefined) return undefined;
  const port = freePort();
  const configFile = join(folder, "haproxy.cfg");
  await Bun.write(configFile, haproxyConfig(port, upstream.port));
  const command = [executable, "-db", "-f", configFile];
  return await launch({ name: "haproxy", command, folder, port, path: upstream.path });
}

const loopbackNames = ["127.0.0.1", "localhost", "[::1]"];

/** A proxy of the user's, out of `name=url`; it is neither started nor stopped. */
export async function peerAt(nameAndUrl: string): Promise<Peer> {
  const [, name, text = ""] = /^([\w.-]+)=(.+)$/.exec(nameAndUrl) ?? [];
  if (name === undefined || !URL.canParse(text)) throw new Error(`--peer takes name=url, not ${nameAndUrl}`);
  const url = new URL(text);
  if (url.protocol !== "http:" || !loopbackNames.includes(url.hostname))
    throw new Error(`${name}: load goes to this machine only, over http: ${loopbackNames.join(", ")}`);
  const port = Number(url.port || 80);
  const pid = listeningPid(port);
  if (pid === undefined) throw new Error(`${name}: no process of this user's listens at port ${port}`);
  await untilTrue(() => answers(text), `${name} answers a chat request at ${text}`, {
    seconds: 60,
    everyMs: 100,
  });
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { name, host, port, path: url.pathname + url.search, pid, stop: () => Promise.resolve() };
}
