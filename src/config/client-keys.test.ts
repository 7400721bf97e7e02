import { describe, expect, test } from "bun:test";
import { digestOf } from "../lib/key-digest.ts";
import { expiryFrom } from "./client-key-fields.ts";
import { loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

const hash = `sha256:${"0a".repeat(32)}`;
const otherHash = `sha256:${"0b".repeat(32)}`;
const secret = "canary-0123456789-abcdef";

const files: Readonly<Record<string, string>> = {
  "/run/key": `\uFEFF${secret}\r\n`,
  "/run/open": "another-key-of-sixteen",
  "/run/empty": " \n",
  "/run/short": "fifteen-letters",
  "/run/lines": "one-key-of-sixteen\nand-another-one-of-them",
};

async function readFile(path: string): Promise<string> {
  const text = files[path];
  if (text !== undefined) return text;
  const code = path === "/run/locked" ? "EACCES" : path === "/run" ? "EISDIR" : "ENOENT";
  throw Object.assign(new Error(code), { code });
}

async function load(keys: string) {
  const text = `auth:\n  keys:\n${keys
    .split("\n")
    .map((entry) => `    - ${entry}\n`)
    .join("")}`;
  return loadConfig({
    path: "/olla.yaml",
    env: {},
    cwd: "/run",
    readFile: async (path) => (path === "/olla.yaml" ? text : readFile(path)),
    readMode: async (path) => (path === "/run/open" ? 0o100644 : 0o100640),
  });
}

async function problemsOf(keys: string): Promise<string> {
  return (await load(keys)).problems.map(formatProblem).join("\n");
}

test("keys are loaded as hashes, wherever they came from", async () => {
  const { config, problems } = await load(
    `{ name: one, hash: "${hash.toUpperCase().replace("SHA", "sha")}", expires: 2099-01-31, models: ["llama*"] }\n{ name: two, key_file: key, requests_per_minute: 60, tokens_per_minute: 1000, max_parallel: 2 }`,
  );
  expect(problems).toEqual([]);
  const [one, two] = config?.auth.keys ?? [];
  expect([one?.hash.reveal(), one?.expires, one?.models]).toEqual([hash, Date.UTC(2099, 0, 31), ["llama*"]]);
  expect(two?.hash.reveal()).toBe(`sha256:${digestOf(secret)}`);
  expect([two?.requests_per_minute, two?.tokens_per_minute, two?.max_parallel, two?.expires]).toEqual([
    60,
    1000,
    2,
    undefined,
  ]);
  expect(JSON.stringify(config?.auth)).not.toContain("0a0a");
});

test("no keys are no keys", async () => {
  const loaded = await loadConfig({
    path: "/o.yaml",
    env: {},
    cwd: "/",
    readFile: async () => "auth: { keys: }\n",
  });
  expect(loaded.config?.auth.keys).toEqual([]);
});

test.each([
  [`{ hash: "${hash}" }`, "auth.keys[0].name: expected a name, got nothing"],
  [`{ name: "", hash: "${hash}" }`, "auth.keys[0].name: expected a name"],
  [`{ name: " a", hash: "${hash}" }`, "without spaces around it"],
  [`{ name: "a\\nb", hash: "${hash}" }`, "without control characters"],
  [`{ name: ${"a".repeat(65)}, hash: "${hash}" }`, "at most 64 characters"],
  [
    `{ name: a, hash: "${hash}" }\n{ name: a, hash: "${otherHash}" }`,
    'auth.keys[1].name: expected a name of its own, got "a" like entry 0',
  ],
  [
    `{ name: a, hash: "${hash}" }\n{ name: b, hash: "${hash}" }`,
    "auth.keys[1]: expected a key of its own, got the one of entry 0",
  ],
  [`{ name: a, hash: sha256:${digestOf(secret)} }\n{ name: b, key_file: key }`, "got the one of entry 0"],
  ["{ name: a }", "expected exactly one of hash and key_file, got neither"],
  [`{ name: a, hash: "${hash}", key_file: key }`, "expected exactly one of hash and key_file, got both"],
  ["{ name: a, hash: sha256:0a }", "got another number of digits"],
  ["{ name: a, hash: sha512:0a }", "got another number of digits, or other characters"],
  [
    "{ name: a, key_file: nothing }",
    "auth.keys[0].key_file: expected a readable file, but it does not exist: nothing",
  ],
  ["{ name: a, key_file: locked }", "permission denied: locked"],
  ["{ name: a, key_file: /run }", "it is a directory: /run"],
  ["{ name: a, key_file: empty }", "got an empty one: empty"],
  ["{ name: a, key_file: short }", "at least 16 characters: short"],
  ["{ name: a, key_file: lines }", "expected one key without spaces"],
  [`{ name: a, hash: "${hash}", expires: tomorrow }`, "expected a date such as 2027-01-31"],
  [`{ name: a, hash: "${hash}", expires: 2027-02-30 }`, "expected a date such as 2027-01-31"],
  [
    `{ name: a, hash: "${hash}", max_parallel: -1 }`,
    "auth.keys[0].max_parallel: expected a whole number of at least 0",
  ],
])("%s is refused: %s", async (keys, message) => {
  const { config, problems } = await load(keys);
  expect(problems.map(formatProblem).join("\n")).toContain(message);
  expect(config).toBeUndefined();
});

test("a key in place of its hash is not shown in the message", async () => {
  const problems = await problemsOf(`{ name: a, hash: ${secret} }`);
  expect(problems).toContain("`olla key new` prints one");
  expect(problems).not.toContain("canary");
});

test("a file that everybody can read is used, with a warning", async () => {
  const { config, problems } = await load("{ name: a, key_file: open }");
  expect(config?.auth.keys).toHaveLength(1);
  expect(problems.map(formatProblem).join()).toMatch(/every user of this machine can read open \(mode 644\)/);
});

test("a key that has expired is used to say so, with a warning", async () => {
  const { config, problems } = await load(`{ name: a, hash: "${hash}", expires: 2020-01-01 }`);
  expect(config?.auth.keys).toHaveLength(1);
  expect(problems.map(formatProblem).join()).toContain("auth.keys[0].expires: this key has expired");
});

describe("an expiry date", () => {
  test.each([
    ["2027-01-31", Date.UTC(2027, 0, 31)],
    ["2027-01-31T12:00", Date.UTC(2027, 0, 31, 12)],
    ["2027-01-31 12:00:30", Date.UTC(2027, 0, 31, 12, 0, 30)],
    ["2027-01-31t12:00:00z", Date.UTC(2027, 0, 31, 12)],
    ["2027-01-31T12:00:00+02:00", Date.UTC(2027, 0, 31, 10)],
    ["2028-02-29", Date.UTC(2028, 1, 29)],
  ])("%p is a time", (text, expected) => expect(expiryFrom(text)).toBe(expected));

  test.each([
    "",
    "2027",
    "1",
    "31.01.2027",
    "2027-13-01",
    "2027-02-29",
    "2027-01-31T25:00",
    "2027-01-31T12:00:00+2",
    "soon",
  ])("%p is none", (text) => expect(expiryFrom(text)).toBeNaN());
});
