import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { loadConfig } from "./load.ts";
import { formatProblem } from "./problem.ts";

const folder = join(import.meta.dir, "../../test/fixtures/tls");

/** Files of the fixtures stand in `/certs`; what is not there does not exist. */
async function load(text: string, env: Record<string, string> = {}) {
  const loaded = await loadConfig({
    path: "olla.yaml",
    env,
    cwd: "/",
    readFile: async (path) => {
      if (path === "/olla.yaml") return text;
      if (path === "/certs/locked.pem") throw Object.assign(new Error("no"), { code: "EACCES" });
      if (!path.startsWith("/certs/")) throw Object.assign(new Error("none"), { code: "ENOENT" });
      return readFileSync(join(folder, basename(path)), "utf8");
    },
  });
  return { ...loaded, told: loaded.problems.map(formatProblem) };
}

function serverTls(tls: string, host = "localhost"): string {
  return `server:\n  host: ${host}\n  tls: ${tls}\n`;
}

describe("server.tls", () => {
  test("is read at start, from paths that count from the working directory", async () => {
    const { config, told } = await load(
      serverTls(
        "{ cert: certs/one.pem, key: /certs/one.key, client_ca: certs/authority.pem, min_version: 1.3 }",
      ),
    );
    expect(told).toEqual([]);
    expect(config?.server.tls).toMatchObject({
      min_version: "1.3",
      files: { cert: "/certs/one.pem", key: "/certs/one.key", client_ca: "/certs/authority.pem" },
    });
    expect(config?.server.tls?.cert).toContain("BEGIN CERTIFICATE");
    expect(config?.server.tls?.key.reveal()).toContain("PRIVATE KEY");
    expect(JSON.stringify(config)).not.toContain("PRIVATE KEY");
    expect(config?.server.tls?.client_ca).toContain("BEGIN CERTIFICATE");
  });

  test("is plain http where nothing is set", async () => {
    expect((await load("server: { port: 40114 }")).config?.server.tls).toBeUndefined();
  });

  test("can come from variables", async () => {
    const { config, told } = await load("", {
      OLLA_SERVER_TLS_CERT: "certs/two.pem",
      OLLA_SERVER_TLS_KEY: "certs/two.key",
      OLLA_SERVER_TLS_MIN_VERSION: "1.3",
      OLLA_SERVER_TLS_CLIENT_CA: "certs/authority.pem",
    });
    expect(told).toEqual([]);
    expect(config?.server.tls).toMatchObject({ min_version: "1.3", files: { cert: "/certs/two.pem" } });
    const bad = await load("", { OLLA_SERVER_TLS_CERT: "certs/two.pem", OLLA_SERVER_TLS_KEY: "nowhere" });
    expect(bad.told).toEqual([
      "OLLA_SERVER_TLS_KEY  server.tls.key: expected a readable file, but it does not exist: nowhere",
    ]);
  });

  test.each([
    [
      "a missing file",
      "{ cert: nowhere.pem, key: certs/one.key }",
      /^olla.yaml:3:16 .*cert: .*does not exist: nowhere.pem$/,
    ],
    [
      "an unreadable file",
      "{ cert: certs/locked.pem, key: certs/one.key }",
      /permission denied: certs\/locked.pem$/,
    ],
    ["no PEM", "{ cert: certs/make.sh, key: certs/one.key }", /cert: expected PEM .*: certs\/make.sh$/],
    [
      "a key of another certificate",
      "{ cert: certs/one.pem, key: certs/two.key }",
      /^olla.yaml:3:36 .*key: .*another one.*: certs\/two.key$/,
    ],
    [
      "an encrypted key",
      "{ cert: certs/one.pem, key: certs/encrypted.key }",
      /key: .*openssl pkey.*: certs\/encrypted.key$/,
    ],
    [
      "authorities that are none",
      "{ cert: certs/one.pem, key: certs/one.key, client_ca: certs/one.key }",
      /client_ca: expected PEM .*: certs\/one.key$/,
    ],
    [
      "missing authorities",
      "{ cert: certs/one.pem, key: certs/one.key, client_ca: nowhere }",
      /client_ca: .*does not exist: nowhere$/,
    ],
    ["a certificate alone", "{ cert: certs/one.pem }", /key: expected a path/],
    ["authorities alone", "{ client_ca: certs/authority.pem }", /client_ca: expected nothing, because/],
  ])("%s stops the start, with its place, file and cure", async (_case, tls, expected) => {
    const { config, problems, told } = await load(serverTls(tls));
    expect(config).toBeUndefined();
    expect(problems.map(({ severity }) => severity)).toEqual(["error"]);
    expect(told[0]).toMatch(expected);
  });

  test.each([
    ["expired", "localhost", /expired on 2021-01-01/],
    ["future", "localhost", /not valid before 2100-01-01/],
    ["gpu", "10.0.0.7", /not for "10.0.0.7".*its names: gpu.example/],
  ])("a certificate that clients refuse only warns (%s)", async (name, host, expected) => {
    const { config, problems, told } = await load(
      serverTls(`{ cert: certs/${name}.pem, key: certs/${name}.key }`, host),
    );
    expect(config?.server.tls).toBeDefined();
    const ofTls = problems.filter(({ path }) => path !== "server.host");
    expect(ofTls.map(({ severity, kind }) => [severity, kind])).toEqual([["warning", "advice"]]);
    expect(told.join("\n")).toMatch(expected);
  });
});

describe("tls of an endpoint", () => {
  function endpoint(tls: string, url = "https://gpu.example"): string {
    return `discovery:\n  static:\n    endpoints:\n      - name: gpu\n        url: ${url}\n        tls: ${tls}\n`;
  }

  test("is read at start", async () => {
    const { config, told } = await load(endpoint("{ ca: certs/authority.pem, server_name: gpu.lan }"));
    expect(told).toEqual([]);
    const tls = config?.discovery.static.endpoints?.[0]?.tls;
    expect(tls).toMatchObject({ server_name: "gpu.lan", insecure_skip_verify: false });
    expect(tls?.ca).toContain("BEGIN CERTIFICATE");
  });

  test.each([
    [
      "a missing authority",
      "{ ca: nowhere.pem }",
      /^olla.yaml:6:20 .*tls.ca: endpoint "gpu": .*does not exist: nowhere.pem$/,
    ],
    [
      "an authority that is none",
      "{ ca: certs/one.key }",
      /^olla.yaml:6:20 .*expected PEM.*: certs\/one.key$/,
    ],
    ["a name that is a URL", "{ server_name: 'https://gpu.lan' }", /^olla.yaml:6:29 .*expected a host name/],
  ])("%s stops the start, with its place", async (_case, tls, expected) => {
    const { config, told } = await load(endpoint(tls));
    expect(config).toBeUndefined();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(expected);
  });

  test("that accepts any certificate warns, once for each endpoint", async () => {
    const { config, problems, told } = await load(endpoint("{ insecure_skip_verify: yes }"));
    expect(config?.discovery.static.endpoints?.[0]?.tls.insecure_skip_verify).toBe(true);
    expect(problems.map(({ severity }) => severity)).toEqual(["warning"]);
    expect(told[0]).toMatch(/insecure_skip_verify: endpoint "gpu": any certificate is accepted/);
  });

  test("says which of its settings have no effect", async () => {
    const both = await load(endpoint("{ ca: certs/authority.pem, insecure_skip_verify: true }"));
    expect(both.told.join()).toContain(
      'tls.ca: endpoint "gpu": has no effect, because tls.insecure_skip_verify',
    );
    const plain = await load(
      endpoint("{ ca: certs/authority.pem, server_name: x, insecure_skip_verify: true }", "http://gpu.lan"),
    );
    expect(plain.told).toHaveLength(3);
    for (const line of plain.told) expect(line).toContain("has no effect, because the URL is not https");
  });
});

describe("server.host as a Unix socket", () => {
  test("is a path behind unix:, and has no admin port beside it", async () => {
    expect((await load("server: { host: unix:/run/olla.sock }")).config?.server.host).toBe(
      "unix:/run/olla.sock",
    );
    expect((await load('server: { host: "unix:" }')).told.join()).toContain("expected a path behind unix:");
    const { told } = await load("server: { host: unix:/run/olla.sock, admin: { port: 4000 } }");
    expect(told.join()).toContain(
      "server.admin.port: expected nothing, because server.host is a Unix socket",
    );
  });

  test("asks no name of a certificate", async () => {
    const { told } = await load(
      serverTls("{ cert: certs/gpu.pem, key: certs/gpu.key }", "unix:/run/olla.sock"),
    );
    expect(told).toEqual([]);
  });
});
