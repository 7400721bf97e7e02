// A canary in every credential field, then a search of everything that Olla says about itself.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
