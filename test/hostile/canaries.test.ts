// Secrets of the admin side, of TLS and of the environment, and every output searched; those of endpoints and clients are
// in test/integration/secrets.test.ts.
import { expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand, spawnOlla } from "../support/spawn-olla.ts";

const secrets = {
  admin: "canary-admin-0123456789abcdef",
  env: "canary-env-0123456789abcdef",
  token: "canary-token-0123456789abcdef",
  client: "canary-client-0123456789abcdef",
  wrong: "canary-wrong-0123456789abcdef",
  pem: "canaryPemContent0123456789abcdef",
} as const;

function expectNone(text: string): void {
  for (const secret of Object.values(secrets)) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(digestOf(secret));
    expect(text).not.toContain(btoa(`x:${secret}`));
  }
}

const paths = [
  "health",
  "status",
  "status/endpoints",
  "status/models",
  "stats/keys",
  "stats/models",
  "stats/translators",
  "stats/sticky",
  "process",
  "requests",
  "config",
  "metrics",
].map((name) => `/internal/${name}`);

test("no secret of the admin side or the environment is in any answer or line", async () => {
  await using upstream = new FakeUpstream({ kind: "vllm" });
  await using olla = await spawnOlla(
    {
      readiness: "listening",
      endpoints: [
        { name: "gpu", url: upstream.url, type: "vllm", auth: { type: "bearer", token: secrets.token } },
      ],
      server: { admin: { key: secrets.admin } },
      sections: { auth: { keys: [{ name: "client", hash: `sha256:${digestOf(secrets.client)}` }] } },
    },
    sourceCommand,
    { OLLA_CANARY: secrets.env, HF_TOKEN: secrets.env, OPENAI_API_KEY: secrets.env },
  );
  const outputs: string[] = [];
  let opened = 0;
  for (const key of [secrets.admin, secrets.client, secrets.wrong]) {
    const ways: Record<string, string>[] = [
      { Authorization: `Bearer ${key}` },
      { "x-api-key": key },
      { Authorization: `Basic ${btoa(`x:${key}`)}` },
      { Cookie: `key=${key}`, Authorization: key },
    ];
    for (const headers of ways) {
      for (const path of [
        ...paths,
        "/",
        "/version",
        "/olla/models",
        "/nothing",
        `/olla/models?api_key=${key}`,
        `/internal/status?token=${key}`,
      ]) {
        const answer = await fetch(olla.url + path, { headers });
        if (path.startsWith("/internal/s") && answer.ok) opened += 1;
        outputs.push(JSON.stringify([...answer.headers]), await answer.text());
      }
    }
  }
  olla.signal("SIGTERM");
  await olla.exited;
  expect(opened).toBeGreaterThan(0);
  expectNone([olla.output(), ...outputs].join("\n"));
}, 20_000);

test("validate says what is wrong with a file, and nothing of what is secret in it", async () => {
  const config = (tls: object, hash: string) =>
    JSON.stringify({
      server: { admin: { key: secrets.admin }, tls },
      auth: {
        keys: [
          { name: "client", hash },
          { name: "client", hash },
        ],
      },
      discovery: {
        static: {
          endpoints: [
            {
              name: "a",
              url: `http://u:${secrets.token}@127.0.0.1:1`,
              type: "vllm",
              auth: { type: "bearer", token: secrets.token, key: secrets.token },
            },
          ],
        },
      },
    });
  const pem = `-----BEGIN PRIVATE KEY-----\n${secrets.pem}\n-----END PRIVATE KEY-----\n`;
  for (const tls of [
    { cert_file: "cert.pem", key_file: "key.pem" },
    { cert_file: "key.pem", key_file: "cert.pem" },
  ]) {
    for (const hash of [secrets.client, `sha256:${digestOf(secrets.client)}`]) {
      const files = { "olla.yaml": config(tls, hash), "key.pem": pem, "cert.pem": pem };
      const { code, stdout, stderr } = await runToEnd(["validate", "--config", "olla.yaml"], {
        command: sourceCommand,
        files,
        env: { OLLA_CANARY: secrets.env },
      });
      expect([code === 0, stdout + stderr !== ""]).toEqual([false, true]);
      expectNone(stdout + stderr);
    }
  }
}, 20_000);

test("olla key new prints the key once, and its configuration does not hold it", async () => {
  const { code, stdout, stderr } = await runToEnd(["key", "new", "--name", "ann"], {
    command: sourceCommand,
  });
  const [key = "", ...rest] = stdout.split("\n");
  expect([code, key]).toEqual([0, expect.stringMatching(/^olla_\S{43}$/)]);
  expect([...rest, stderr].join("\n")).not.toContain(key);
  expect(rest.join("\n")).toContain(`sha256:${digestOf(key)}`);
});
