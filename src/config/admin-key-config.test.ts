import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../lib/key-digest.ts";
import { loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

const key = "canary-admin-key-77";
const folder = mkdtempSync(join(tmpdir(), "olla-admin-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function load(admin: string, env: Record<string, string> = {}) {
  const path = fileWith("olla.yaml", `server: { admin: ${admin} }\n`);
  let given: string | undefined;
  const { config, problems } = await loadConfig({
    path,
    env,
    cwd: folder,
    onAdminKey: (text) => {
      given = text.reveal();
    },
  });
  return {
    given,
    digest: config?.server.admin.key?.reveal(),
    config,
    told: problems.map(formatProblem).join("\n"),
  };
}

describe("the admin key", () => {
  test.each([
    ["in the file", `{ key: ${key} }`, {}],
    ["in a variable that the file names", `{ key: '\${OPERATOR}' }`, { OPERATOR: key }],
    ["in its own variable", "{}", { OLLA_SERVER_ADMIN_KEY: key }],
    ["in a file of its own", "{ key_file: admin.key }", {}],
    ["in a file that a variable names", "{}", { OLLA_SERVER_ADMIN_KEY_FILE: "admin.key" }],
  ])("%s is kept as its digest, and shown nowhere", async (_place, admin, env) => {
    fileWith("admin.key", `\uFEFF${key}\n`);
    const { digest, given, config, told } = await load(admin, env);
    expect(digest).toBe(digestOf(key));
    // Who has to send it is given it, and nobody else.
    expect(given).toBe(key);
    expect(told).toBe("");
    expect(JSON.stringify(config)).not.toContain(digestOf(key));
    expect(Bun.inspect(config, { depth: 9 })).not.toContain("canary");
  });

  test.each([
    ["too short", "{ key: canary-123 }", /server\.admin\.key: expected a key of at least 16 characters/],
    ["empty", "{ key: '' }", /server\.admin\.key: expected a value/],
    [
      "with a space in it",
      "{ key: canary canary canary }",
      /server\.admin\.key: expected one key without spaces/,
    ],
    ["of a variable that is not set", `{ key: '\${NOBODY}' }`, /variable NOBODY to be set/],
    ["in two places", `{ key: ${key}, key_file: admin.key }`, /key_file: expected nothing/],
    ["in a file that is missing", "{ key_file: nowhere }", /key_file: .*does not exist: nowhere/],
    ["in a folder", "{ key_file: . }", /key_file: expected a readable file/],
    ["in an empty file", "{ key_file: empty.key }", /key_file: .*got an empty one: empty.key/],
    ["in a file with several lines", "{ key_file: lines.key }", /key_file: expected one key/],
  ])("%s stops the start, and is not shown", async (_fault, admin, expected) => {
    fileWith("admin.key", key);
    fileWith("empty.key", " \n");
    fileWith("lines.key", `${key}\n${key}\n`);
    const { config, told } = await load(admin);
    expect(config).toBeUndefined();
    expect(told).toMatch(expected);
    expect(told).not.toContain("canary");
  });

  test("a file that everybody can read is warned about", async () => {
    fileWith("open.key", key, 0o644);
    const { digest, told } = await load("{ key_file: open.key }");
    expect(digest).toBe(digestOf(key));
    expect(told).toContain("every user of this machine can read open.key");
  });

  test("needs no port, and a port of its own is another one", async () => {
    const { config, told } = await load("{ port: 40114 }");
    expect(config).toBeUndefined();
    expect(told).toContain("server.admin.port: expected another port than server.port");
    const ofSocket = await load("{ port: 40115 }", { OLLA_SERVER_HOST: "unix:/run/olla.sock" });
    expect(ofSocket.told).toContain(
      "server.admin.port: expected nothing, because server.host is a Unix socket",
    );
    expect((await load("{ port: 40115 }")).config?.server.admin).toEqual({ port: 40115, key: undefined });
  });
});
