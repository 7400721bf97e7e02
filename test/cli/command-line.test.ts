import { expect, test } from "bun:test";
import { findDeadPort } from "../support/dead-port.ts";
import { renderConfig } from "../support/olla-config.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";

const command = sourceCommand;
const valid = renderConfig({ endpoints: [{ name: "one", url: "http://127.0.0.1:1", type: "vllm" }] }, 40114);

for (const args of [
  ["validate", "--config", "good.yaml"],
  ["--validate-config", "-config", "good.yaml"],
  ["-validate-config=true", "-c=good.yaml"],
]) {
  test(`"olla ${args.join(" ")}" passes a good file, exit code 0`, async () => {
    const { code, stdout, stderr } = await runToEnd(args, { command, files: { "good.yaml": valid } });
    expect(stderr).toContain("Olla");
    expect(stdout).toContain("[OK]   config.yaml  loaded from good.yaml");
    expect(stdout).toContain("[OK]   profiles");
    expect(stdout).toContain("[OK]   endpoints    1 configured");
    expect(stdout).toEndWith("Result: PASS\n");
    expect(code).toBe(0);
  });
}

test("validate passes with no file at all, and says that this host would be searched", async () => {
  const { code, stdout } = await runToEnd(["validate"], { command });
  expect([code, stdout.includes("built-in defaults"), stdout.includes("searched")]).toEqual([0, true, true]);
});

test("validate fails for an unknown key, which serving only warns about", async () => {
  const files = { "config.yaml": "server:\n  prot: 40115\n" };
  const { code, stdout } = await runToEnd(["validate"], { command, files });
  expect(code).toBe(1);
  expect(stdout).toContain("[WARN]");
  expect(stdout).toMatch(/config\.yaml:2:3 .*server\.port/);
  expect(stdout).toContain("Result: FAIL");
});

test("validate finds an endpoint type that no profile has, at its place", async () => {
  const files = {
    "config.yaml":
      'discovery:\n  static:\n    endpoints:\n      - { name: a, url: "http://h:1", type: vlmm }\n',
  };
  const { code, stdout } = await runToEnd(["validate"], { command, files });
  expect(code).toBe(1);
  expect(stdout).toContain("[FAIL]");
  expect(stdout).toMatch(/config\.yaml:4:\d+ .*vlmm.*vllm/);
});

test("an endpoint type that no profile has is reported together with every other mistake", async () => {
  const files = {
    "config.yaml": [
      "discovery:",
      "  static:",
      "    endpoints:",
      '      - { name: a, url: "http://h:1", type: vlmm, priority: high }',
      "      - { name: b, type: olama, headers: { Host: x } }",
      "server: { port: many }",
      "",
    ].join("\n"),
  };
  const checked = await runToEnd(["validate"], { command, files });
  const served = await runToEnd(["serve"], { command, files });
  for (const output of [checked.stdout, served.stderr]) {
    for (const wanted of [
      /yaml:4:\d+ .*"vlmm"/,
      /yaml:4:\d+ .*priority/,
      /yaml:5:\d+ .*url/,
      /yaml:5:\d+ .*"olama"/,
    ]) {
      expect(output).toMatch(wanted);
    }
    expect(output).toMatch(/yaml:6:\d+ .*server\.port/);
  }
  const lines = [...served.stderr.matchAll(/yaml:(\d+):/g)].map((match) => Number(match[1]));
  expect(lines).toEqual(lines.toSorted((left, right) => left - right));
  expect([checked.code, served.code]).toEqual([1, 1]);
});

test("a mistyped key is told with the errors that keep Olla from starting", async () => {
  const files = { "config.yaml": "server:\n  prot: 1\n  port: many\n" };
  const { code, stderr } = await runToEnd([], { command, files });
  expect(code).toBe(1);
  expect(stderr).toMatch(/yaml:2:\d+ .*server\.port`/);
  expect(stderr).toMatch(/yaml:3:\d+ .*"many"/);
});

test("validate warns about a broken profile file", async () => {
  const files = { "config/profiles/bad.yaml": "name: [1\n" };
  const { code, stdout } = await runToEnd(["validate"], { command, files });
  expect(code).toBe(1);
  expect(stdout).toContain("[WARN] profiles");
  expect(stdout).toContain("bad.yaml");
});

test("validate reads models.yaml, and warns of what is wrong in it at its place", async () => {
  const bad = "capabilities:\n  name_patterns:\n    - { pattern: '(', capabilities: [x] }\n";
  const broken = await runToEnd(["validate"], { command, files: { "config/models.yaml": bad } });
  expect(broken.code).toBe(1);
  expect(broken.stdout).toContain("[WARN] models.yaml  loaded from config/models.yaml (1 issue(s))");
  expect(broken.stdout).toMatch(/config\/models\.yaml:3:18 /);
  const none = await runToEnd(["validate"], { command });
  expect([none.code, none.stdout.includes("[OK]   models.yaml  no file, built-in table")]).toEqual([0, true]);
});

test("a key without effect is a note, not a failure", async () => {
  const files = { "config.yaml": "proxy: { tls_handshake_timeout: 3s }\n" };
  const { code, stdout } = await runToEnd(["validate"], { command, files });
  expect(code).toBe(0);
  expect(stdout).toMatch(/note: .*tls_handshake_timeout/);
});

test("the version wins over validation, and OLLA_SHOW_VERSION over serving", async () => {
  const both = await runToEnd(["--validate-config", "--version"], { command });
  expect(both.stdout).toStartWith("olla ");
  const variable = await runToEnd([], { command, env: { OLLA_SHOW_VERSION: "true" } });
  expect([variable.code, variable.stdout.startsWith("olla ")]).toEqual([0, true]);
});

test("the profiler of the Go program is refused with a clear word", async () => {
  const { code, stderr } = await runToEnd(["--profile"], { command });
  expect(code).toBe(2);
  expect(stderr).toContain("not supported");
});

test("a log variable that makes no sense is named at the start", async () => {
  const files = { "config.yaml": `${renderConfig({ endpoints: [] }, findDeadPort())}` };
  const env = { OLLA_LOG_SIZE_MB: "huge", OLLA_LOGGING_OUTPUT: "file" };
  const { code, stderr } = await runToEnd([], { command, files, env });
  expect(code).toBe(1);
  expect(stderr).toContain("OLLA_LOG_SIZE_MB");
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("key new prints a key once, and a configuration that lets it in", async () => {
  const first = await runToEnd(["key", "new", "--name", "Ann's laptop"], { command });
  const second = await runToEnd(["key", "new"], { command });
  expect([first.code, second.code]).toEqual([0, 0]);
  const [key = "", , ...yaml] = first.stdout.trimEnd().split("\n");
  expect(key).toMatch(/^olla_[\w-]{43}$/);
  expect(second.stdout).not.toContain(key);
  expect(yaml.join("\n")).not.toContain(key);
  expect(first.stderr).toContain("shown only now");
  const files = { "config.yaml": `${yaml.join("\n")}\n` };
  const { code, stdout } = await runToEnd(["validate"], { command, files });
  expect([code, stdout.includes("Result: PASS")]).toEqual([0, true]);
  expect(yaml).toContain(`      hash: sha256:${new Bun.CryptoHasher("sha256").update(key).digest("hex")}`);
});

test.each([
  [["key"], "make keys for clients"],
  [["key", "nwe"], "unknown command 'nwe'"],
  [["key", "new", "--name", ""], "expected a name"],
  [["key", "new", "--name", "x".repeat(65)], "at most 64 characters"],
  [["key", "new", "--nmae", "x"], "unknown option '--nmae'"],
])("%p is wrong usage", async (args, message) => {
  const { code, stdout, stderr } = await runToEnd(args, { command });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
});

test("validate finds what is wrong with keys", async () => {
  const files = { "config.yaml": "auth:\n  keys:\n    - { name: a, key_file: nothing }\n" };
  const { code, stdout } = await runToEnd(["validate"], { command, files });
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /config\.yaml:3:\d+ {2}auth\.keys\[0\]\.key_file: expected a readable file, but it does not exist: nothing/,
  );
});
