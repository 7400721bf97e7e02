// A canary in every credential field, then a search of everything that Olla says about itself.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../src/lib/key-digest.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { resetAfterTokens } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const canaries = {
  token: "canary-token-1f0a",
  key: "canary-key-2e1b",
  password: "canary-password-3d2c",
  passwordFile: "canary-password-file-8d3e",
  userFile: "canary-user-file-9c4f",
  healthQuery: "canary-health-query-a05b",
  file: "canary-file-4c3d",
  header: "canary-header-5b4e",
  query: "canary-query-6a5f",
  client: "canary-client-7960",
  clientKey: "canary-client-key-1a2b3c4d",
  clientKeyFile: "canary-client-key-file-5e6f",
} as const;

const routes = [
  "/internal/health",
  "/internal/status",
  "/internal/status/endpoints",
  "/internal/status/models?detailed=true&group=family",
  "/version",
  "/olla/models",
  "/olla/proxy/v1/models",
  "/olla/ollama/api/tags",
  "/olla/models/none",
  "/internal/stats/keys",
  "/internal/stats/models?include_endpoints=true&include_summary=true",
  "/internal/process",
  "/internal/metrics",
  "/internal/config",
  "/internal/ui/",
  "/nothing",
];

test("no credential shows up in any answer, log line or error", async () => {
  const folder = await mkdtemp(join(tmpdir(), "olla-secrets-"));
  const secretFile = join(folder, "token");
  await Bun.write(secretFile, `${canaries.file}\n`);
  await Bun.write(join(folder, "user"), canaries.userFile);
  await Bun.write(join(folder, "password"), canaries.passwordFile);
  const kind = "vllm";
  await using bearer = new FakeUpstream({ kind });
  await using keyed = new FakeUpstream({ kind });
  await using basic = new FakeUpstream({ kind, behave: resetAfterTokens(["a"]) });
  await using filed = new FakeUpstream({ kind });
  await using named = new FakeUpstream({ kind });
  const dead = `http://127.0.0.1:${findDeadPort()}/v1?api_key=${canaries.query}`;
  try {
    await using olla = await spawnOlla({
      readiness: "all-probed",
      endpoints: [
        {
          name: "bearer",
          url: bearer.url,
          type: kind,
          auth: { type: "bearer", token: canaries.token },
          headers: { "X-Secret-Header": canaries.header },
        },
        { name: "keyed", url: keyed.url, type: kind, auth: { type: "api_key", key: canaries.key } },
        {
          name: "basic",
          url: basic.url,
          type: kind,
          auth: { type: "basic", username: "someone", password: canaries.password },
        },
        { name: "filed", url: filed.url, type: kind, auth: { type: "bearer", token_file: secretFile } },
        {
          name: "named",
          url: named.url,
          type: kind,
          auth: { type: "api_key", key: canaries.key, header: "X-Own-Key" },
          health_check_url: `${named.url}/health?key=${canaries.healthQuery}`,
        },
        {
          name: "dead",
          url: dead,
          type: kind,
          auth: {
            type: "basic",
            username_file: join(folder, "user"),
            password_file: join(folder, "password"),
          },
        },
      ],
    });
    const outputs: string[] = [];
    const keep = async (answer: Response): Promise<void> => {
      outputs.push(JSON.stringify([...answer.headers]), await answer.text().catch(String));
    };
    const credentials = { Authorization: `Bearer ${canaries.client}`, Cookie: `s=${canaries.client}` };
    for (const route of routes) await keep(await fetch(`${olla.url}${route}`, { headers: credentials }));
    for (const endpoint of [bearer, keyed, basic, filed, named]) {
      endpoint.behave = endpoint === basic ? endpoint.behave : reflectHeaders;
    }
    for (let round = 0; round < 12; round += 1) {
      await keep(
        await fetch(`${olla.url}/olla/proxy/v1/chat/completions?api_key=${canaries.client}`, {
          method: "POST",
          body: JSON.stringify({ model: round % 4 === 3 ? "none" : "tiny" }),
          headers: credentials,
        }),
      );
    }
    await waitUntil(() => olla.accessLog().length >= 12, { what: "the access lines are written" });
    olla.signal("SIGTERM");
    await olla.exited;
    const sent = [bearer, keyed, filed, named]
      .flatMap(({ probes }) => probes)
      .flatMap(({ headers }) => headers.flat());
    for (const reached of [canaries.token, canaries.key, canaries.file]) {
      expect(sent.some((value) => value.includes(reached))).toBe(true);
    }
    const everything = [olla.output(), ...outputs].join("\n");
    for (const canary of Object.values(canaries)) expect(everything).not.toContain(canary);
    expect(everything).not.toContain(btoa(`someone:${canaries.password}`));
    expect(everything).not.toContain(btoa(`${canaries.userFile}:${canaries.passwordFile}`));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Sends every credential that arrived back in headers, as a careless debug server does. */
function reflectHeaders(exchange: Parameters<FakeUpstream["behave"]>[0]): Promise<void> {
  const echo = exchange.headers.filter(([name]) =>
    /^(authorization|x-api-key|x-own-key|x-secret-header)$/i.test(name),
  );
  return exchange.respond(200, [["Content-Type", "application/json"], ...echo], "{}");
}

test("no key of a client shows up in any answer, log line or error, nor at an endpoint", async () => {
  const folder = await mkdtemp(join(tmpdir(), "olla-secrets-"));
  const file = join(folder, "key");
  await Bun.write(file, canaries.clientKeyFile);
  const hash = digestOf(canaries.clientKey);
  const wrong = canaries.client;
  await using upstream = new FakeUpstream({ kind: "vllm", behave: reflectHeaders });
  try {
    await using olla = await spawnOlla({
      endpoints: [{ name: "gpu", url: upstream.url, type: "vllm" }],
      sections: {
        auth: {
          keys: [
            { name: "hashed", hash: `sha256:${hash}`, requests_per_minute: 20, models: ["tiny"] },
            { name: "filed", key_file: file, expires: "2020-01-01" },
          ],
        },
      },
    });
    const outputs: string[] = [];
    for (const key of [canaries.clientKey, canaries.clientKeyFile, wrong]) {
      const ways: readonly Record<string, string>[] = [
        { Authorization: `Bearer ${key}` },
        { "x-api-key": key },
        { Authorization: `Basic ${btoa(`${wrong}:${key}`)}` },
        { Authorization: key },
        { "x-api-key": `${key}, ${key}` },
        { Cookie: `key=${key}` },
      ];
      for (const headers of ways) {
        for (const route of [
          ...routes,
          `/olla/proxy/v1/models?key=${key}`,
          `/olla/proxy/v1/x?token=${key}&a=1`,
        ]) {
          const answer = await fetch(`${olla.url}${route}`, { headers });
          outputs.push(JSON.stringify([...answer.headers]), await answer.text());
        }
        const answer = await fetch(`${olla.url}/olla/proxy/v1/chat/completions`, {
          method: "POST",
          headers,
          body: JSON.stringify({ model: headers["x-api-key"] === undefined ? "tiny" : "other" }),
        });
        outputs.push(JSON.stringify([...answer.headers]), await answer.text());
      }
    }
    olla.signal("SIGTERM");
    await olla.exited;
    expect(upstream.requests.length).toBeGreaterThan(0);
    const sent = upstream.requests.map(({ headers }) => JSON.stringify(headers));
    const everything = [olla.output(), ...outputs, ...sent].join("\n");
    expect(everything).toContain("hashed");
    for (const canary of [
      canaries.clientKey,
      canaries.clientKeyFile,
      wrong,
      hash,
      digestOf(canaries.clientKeyFile),
    ]) {
      expect(everything).not.toContain(canary);
      expect(everything).not.toContain(btoa(`${wrong}:${canary}`));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
