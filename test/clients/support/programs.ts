import { createHash } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Exact versions, so that a test that turns red turns red because of us. */
const pins = {
  "claude-code": { registry: "npm", packages: ["@anthropic-ai/claude-code@2.1.329"] },
  codex: { registry: "npm", packages: ["@openai/codex@0.169.0"] },
  opencode: { registry: "npm", packages: ["opencode-ai@1.18.33"] },
  "npm-sdks": {
    registry: "npm",
    packages: [
      "openai@7.55.0",
      "@anthropic-ai/sdk@1.11.0",
      "ai@7.0.173",
      "@ai-sdk/openai-compatible@3.0.92",
      "@ai-sdk/anthropic@4.0.105",
      "zod@4.6.7",
    ],
  },
  "python-sdks": {
    registry: "pypi",
    packages: ["openai==3.52.0", "anthropic==2.11.0", "langchain-openai==1.7.3"],
  },
} as const satisfies Record<string, { registry: "npm" | "pypi"; packages: readonly string[] }>;

export type ClientName = keyof typeof pins;

export interface InstalledClient {
  readonly isInstalled: true;
  readonly name: ClientName;
  /** Holds `node_modules`, or the Python packages themselves. */
  readonly folder: string;
  /** Nothing to say. */
  readonly why: "";
}

export interface MissingClient {
  readonly isInstalled: false;
  readonly name: ClientName;
  /** For the title of what is skipped. */
  readonly why: string;
}

const installLimitMs = 5 * 60_000;

/** Where programs are kept between runs: outside the project, and new when a pin changes. */
function cacheFolder(name: ClientName): string {
  const root = process.env.OLLA_TEST_CLIENTS_DIR ?? join(tmpdir(), "olla-clients");
  const versions = createHash("sha256").update(pins[name].packages.join("\n")).digest("hex").slice(0, 12);
  return join(root, `${name}-${versions}`);
}

/** Without a network it is known within seconds. */
const npmFlags = [
  "--no-audit",
  "--no-fund",
  "--loglevel=error",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=5000",
] as const;

function installCommand(name: ClientName, folder: string): string[] | string {
  const { registry, packages } = pins[name];
  if (registry === "npm") {
    const npm = Bun.which("npm");
    if (npm === null) return "npm is not there";
    return [npm, "install", ...npmFlags, "--prefix", folder, ...packages];
  }
  const python = findPython();
  if (python === undefined) return "python3 is not there";
  return [python, "-m", "pip", "install", "--quiet", "--retries=2", "--target", folder, ...packages];
}

export function findPython(): string | undefined {
  return Bun.which("python3") ?? Bun.which("python") ?? undefined;
}

async function runInstall(command: readonly string[], folder: string): Promise<string | undefined> {
  const child = Bun.spawn([...command], {
    cwd: folder,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: installLimitMs,
  });
  const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code === 0) return undefined;
  if (child.signalCode !== null) return `cannot be installed within ${installLimitMs / 60_000} minutes`;
  const lines = said.trim().split("\n");
  const reason = lines.find((line) => /^(?:npm )?error/i.test(line)) ?? lines.at(-1);
  return `cannot be installed: ${(reason || `exit code ${code}`).slice(0, 120)}`;
}

async function install(name: ClientName, folder: string): Promise<string | undefined> {
  const unfinished = `${folder}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    const command = installCommand(name, unfinished);
    if (typeof command === "string") return command;
    const failure = await runInstall(command, unfinished);
    if (failure !== undefined) return failure;
    await Bun.write(join(unfinished, "complete"), pins[name].packages.join("\n"));
    await rename(unfinished, folder).catch(async (error: unknown) => {
      // Another run may have been quicker.
      if (!(await Bun.file(join(folder, "complete")).exists())) throw error;
    });
    return undefined;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/**
 * The pinned program, installed on first use. Where that cannot be done the tests of it are skipped with the reason,
 * unless `OLLA_TEST_CLIENTS_REQUIRED=1` (CI) asks for all of them.
 */
export async function ensureClient(name: ClientName): Promise<InstalledClient | MissingClient> {
  const folder = cacheFolder(name);
  const failure = knownFailures()[name] ?? (await tryInstall(name));
  if (failure === undefined) return { isInstalled: true, name, folder, why: "" };
  if (process.env.OLLA_TEST_CLIENTS_REQUIRED === "1") throw new Error(`${name} ${failure}`);
  return { isInstalled: false, name, why: ` (skipped: ${name} ${failure})` };
}

/** What the runner has tried in vain, so that no test file waits for it again. */
const failuresVariable = "OLLA_TEST_CLIENTS_FAILURES";

function knownFailures(): Partial<Record<ClientName, string>> {
  return JSON.parse(process.env[failuresVariable] ?? "{}") as Partial<Record<ClientName, string>>;
}

export interface Installations {
  /** For the processes of the tests. */
  readonly env: Readonly<Record<string, string>>;
  /** A line for each program, with its versions, and why it is missing where it is. */
  readonly lines: readonly string[];
}

/** Installs what is missing, all at the same time. */
export async function installClients(names: readonly ClientName[]): Promise<Installations> {
  const clients = await Promise.all(names.map(async (name) => [name, await tryInstall(name)] as const));
  const failures = Object.fromEntries(clients.filter(([, failure]) => failure !== undefined));
  const lines = clients.map(([name, failure]) => {
    const versions = pins[name].packages.join(" ");
    return failure === undefined ? `${name}: ${versions}` : `${name}: ${versions}: ${failure}`;
  });
  return { env: { [failuresVariable]: JSON.stringify(failures) }, lines };
}

async function tryInstall(name: ClientName): Promise<string | undefined> {
  const folder = cacheFolder(name);
  if (await Bun.file(join(folder, "complete")).exists()) return undefined;
  return await install(name, folder);
}

export const clientNames = Object.keys(pins) as readonly ClientName[];

/** The program's own command. */
export function programOf(client: InstalledClient | MissingClient, command: string): string {
  if (!client.isInstalled) throw new Error(`${client.name} is not installed`);
  return join(client.folder, "node_modules", ".bin", command);
}

/** The version of a program, as pinned. */
export function versionOf(name: ClientName): string {
  return pins[name].packages[0].replace(/^.*[@=]/, "");
}
