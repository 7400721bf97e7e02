import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-config-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(path: string, port: number): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), `server: { port: ${port} }\n`);
}

function load(options: { path?: string; env?: Record<string, string> } = {}) {
  return loadConfig({ env: {}, ...options, cwd: folder });
}

async function portOf(
  options: { path?: string; env?: Record<string, string> } = {},
): Promise<number | undefined> {
  return (await load(options)).config?.server.port;
}

test("the first default file that exists is read, and only that one", async () => {
  expect((await load()).file).toBeUndefined();
  const files = ["default.yaml", "config.yaml", "config/config.yaml", "config/config.local.yaml"];
  for (const [index, file] of files.entries()) {
    await write(file, 1000 + index);
    const loaded = await load();
    expect(loaded.file).toBe(file);
    expect(loaded.config?.server.port).toBe(1000 + index);
  }
  await writeFile(join(folder, "config/config.local.yaml"), "server: { host: local }\n");
  expect(await portOf()).toBe(40114);
});

test("where no other file is, /config.yaml is read, as containers have it", async () => {
  const onlyThere = async (path: string) => {
    if (path === resolve(folder, "/config.yaml")) return "server: { port: 7 }\n";
    throw Object.assign(new Error("gone"), { code: "ENOENT" });
  };
  const loaded = await loadConfig({ env: {}, cwd: folder, readFile: onlyThere });
  expect([loaded.file, loaded.config?.server.port]).toEqual(["/config.yaml", 7]);
});

test("the command line wins over OLLA_CONFIG_FILE, which wins over the defaults", async () => {
  await write("config.yaml", 1);
  await write("named.yaml", 2);
  await write("given.yaml", 3);
  const env = { OLLA_CONFIG_FILE: "named.yaml" };
  expect(await portOf({ env })).toBe(2);
  expect(await portOf({ env, path: "given.yaml" })).toBe(3);
  expect(await portOf({ path: join(folder, "given.yaml") })).toBe(3);
  expect(await portOf({ env: { OLLA_CONFIG_FILE: "" } })).toBe(1);
});

test("a file that was asked for and is not there is an error that names it", async () => {
  await write("config.yaml", 1);
  const given = await load({ path: "gone.yaml" });
  expect(given.config).toBeUndefined();
  expect(given.problems.map(formatProblem)).toEqual(["specified config file not found: gone.yaml"]);
  const named = await load({ env: { OLLA_CONFIG_FILE: "missing.yaml" } });
  expect(named.config).toBeUndefined();
  expect(named.problems.map(formatProblem).join()).toContain(
    "not found: missing.yaml (from OLLA_CONFIG_FILE)",
  );
});

test("a directory is no file, asked for or not", async () => {
  await mkdir(join(folder, "config.yaml"));
  expect((await load()).problems.map(formatProblem)).toEqual([
    "config file cannot be read, it is a directory: config.yaml",
  ]);
  expect((await load({ path: "config.yaml" })).problems.map(formatProblem)).toEqual([
    "specified config file cannot be read, it is a directory: config.yaml",
  ]);
});

test("a default file without permission is reported and not passed over", async () => {
  await write("default.yaml", 1);
  const readFile = async () => {
    throw Object.assign(new Error("not allowed"), { code: "EACCES" });
  };
  const { config, problems } = await loadConfig({ env: {}, cwd: folder, readFile });
  expect(config).toBeUndefined();
  expect(problems.map(formatProblem).join()).toContain("permission denied: config/config.local.yaml");
});

test("secret files count from the working directory and are read once, trimmed", async () => {
  await writeFile(join(folder, "token"), "s3cret\n");
  await writeFile(
    join(folder, "config.yaml"),
    'discovery: { static: { endpoints: [{ name: a, url: "http://a", auth: { type: bearer, token_file: token } }] } }',
  );
  const { config } = await load();
  expect(config?.discovery.static.endpoints?.[0]?.auth?.value.reveal()).toBe("Bearer s3cret");
});
