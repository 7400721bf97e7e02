import { expect } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { type SpawnedOlla, spawnOlla } from "../support/spawn-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

export const clientKey = "hostile-client-key-0123456789abcdef";
export const otherKey = "hostile-other-key-0123456789abcdef";
export const adminKey = "hostile-admin-key-0123456789abcdef";
export const chatPath = "/olla/proxy/v1/chat/completions";
export const goodBody = '{"model":"tiny"}';
export const basePath = "/inner/base";

/** A program with keys, limits and an admin key, its one endpoint, and a server that must never be asked for anything. */
export interface HostileOlla extends AsyncDisposable {
  readonly olla: SpawnedOlla;
  readonly upstream: FakeUpstream;
  readonly bystander: FakeUpstream;
}

/** Runs as a process. The endpoint's URL has a path of its own, which no request may leave; it leaves the Responses API to Olla. */
export async function startHostile(
  server: Readonly<Record<string, unknown>> = {},
  sections: Readonly<Record<string, unknown>> = {},
  proxy: Readonly<Record<string, unknown>> = {},
): Promise<HostileOlla> {
  await using started = new AsyncDisposableStack();
  const bystander = started.use(new FakeUpstream({ kind: "vllm", models: ["secret"] }));
  const upstream = started.use(
    new FakeUpstream({ kind: "vllm", basePath, lacks: [`${basePath}/v1/responses`] }),
  );
  const keys = [
    { name: "client", key: clientKey },
    { name: "other", key: otherKey },
  ];
  const olla = started.use(
    await spawnOlla({
      // What the readiness is read from needs a key here.
      readiness: "listening",
      endpoints: [{ name: "gpu", url: upstream.url + basePath, type: "vllm", preserve_path: true }],
      proxy,
      server: {
        admin: { key: adminKey },
        rate_limits: { global_requests_per_minute: 1_000_000, burst_size: 1_000_000 },
        request_limits: { max_body_size: "4MB" },
        ...server,
      },
      sections: {
        auth: { keys: keys.map(({ name, key }) => ({ name, hash: `sha256:${digestOf(key)}` })) },
        ...sections,
      },
    }),
  );
  await waitUntil(
    async () => {
      const answer = await fetch(`${olla.url}/olla/models`, { headers: bearer() });
      return answer.ok && (await answer.text()).includes("tiny");
    },
    { deadlineMs: 10_000, what: "the endpoint's models are known" },
  );
  const owned = started.move();
  return { olla, upstream, bystander, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export function bearer(key: string = clientKey): Record<string, string> {
  return { Authorization: `Bearer ${key}` };
}

/** The server is alive and correct: a good request is answered well, and a request without a key is not. */
export async function expectAlive({ olla, upstream, bystander }: HostileOlla): Promise<void> {
  const url = olla.url + chatPath;
  const good = await fetch(url, { method: "POST", headers: bearer(), body: goodBody });
  expect([good.status, await good.text()]).toEqual([200, expect.stringContaining("hello")]);
  expect(upstream.requests.at(-1)?.text).toBe(goodBody);
  const bad = await fetch(url, { method: "POST", body: goodBody });
  expect([bad.status, (await bad.json()) as unknown]).toEqual([401, expect.anything()]);
  expect(bystander.requests).toHaveLength(0);
  for (const { target } of upstream.requests) expect(target).toStartWith(`${basePath}/`);
}

/** Sends the bytes, and what comes back until the connection falls silent, closes, or a whole answer is there. */
export async function sendRaw(olla: SpawnedOlla, content: string | Uint8Array): Promise<string> {
  using client = await RawClient.connect(olla.port);
  client.send(content);
  const closed = client.closed.then(() => undefined);
  const answered = client.readHead(4_000).then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([closed, answered]);
  return client.text;
}
