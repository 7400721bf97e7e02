// One endpoint, more requests than it has places for, and clients of which one is louder than the others.
import { expect, test } from "bun:test";
import { digestOf } from "../../src/lib/key-digest.ts";
import { chatBody, endpointOf, post } from "../conformance/engine/engine-case.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { type answerJson, completionOf } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const names = ["loud", "quiet", "boss"] as const;
type Name = (typeof names)[number];

const keyOf = (name: Name) => `canary-${name}-0123456789abcdef`;
const keys = names.map((name) => ({
  name,
  hash: `sha256:${digestOf(keyOf(name))}`,
  priority: name === "boss" ? 5 : 0,
}));

/** In a record, because a promise of a promise is one promise. */
interface Asked {
  readonly answer: Promise<Response>;
}

interface Team extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly olla: RunningOlla;
  /** Sends a request that waits, and gives its answer. */
  ask(name: Name, label: string, headers?: Record<string, string>): Promise<Asked>;
  /** Labels in the order in which the endpoint got them. */
  labels(): readonly string[];
  /** Answers what the endpoint got, one after the other, until it has had so many. */
  answer(count: number): Promise<void>;
}

async function startTeam(queue: Readonly<Record<string, unknown>> = {}): Promise<Team> {
  await using started = new AsyncDisposableStack();
  const upstream = started.use(new FakeUpstream({ behave: () => {} }));
  const olla = started.use(
    await startOlla({
      endpoints: [endpointOf(upstream, "one", { max_concurrent: 1 })],
      proxy: { queue },
      sections: { auth: { keys } },
    }),
  );
  const owned = started.move();
  let sent = 0;
  const seen = async () => {
    const status = await fetch(`${olla.url}/internal/status/endpoints`);
    const { endpoints } = (await status.json()) as { endpoints: readonly { queue: { depth: number } }[] };
    return (endpoints[0]?.queue.depth ?? 0) + upstream.requests.length;
  };
  return {
    upstream,
    olla,
    async ask(name, label, headers = {}) {
      const answer = post(olla, chatBody({ user: label }), {
        headers: { Authorization: `Bearer ${keyOf(name)}`, ...headers },
      });
      sent += 1;
      await waitUntil(async () => (await seen()) >= sent, { what: `${label} waits` });
      return { answer };
    },
    labels: () =>
      upstream.requests.map(
        ({ body }) => (JSON.parse(new TextDecoder().decode(body)) as { user: string }).user,
      ),
    async answer(count) {
      for (let index = 0; index < count; index++) {
        await (await upstream.exchange(index)).respondJson(completionOf("done"));
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

test("a key that floods and one that asks now and then are served by turns", async () => {
  await using team = await startTeam();
  const asked: Asked[] = [];
  for (let index = 0; index < 6; index++) asked.push(await team.ask("loud", `loud ${index}`));
  for (let index = 0; index < 2; index++) asked.push(await team.ask("quiet", `quiet ${index}`));
  await team.answer(8);
  expect(team.labels()).toEqual([
    "loud 0",
    "quiet 0",
    "loud 1",
    "quiet 1",
    "loud 2",
    "loud 3",
    "loud 4",
    "loud 5",
  ]);
  const statuses = await Promise.all(asked.map(async ({ answer }) => (await answer).status));
  expect(statuses).toEqual(Array.from({ length: 8 }, () => 200));
});

test("a key's priority goes first; a header may ask for less than the key allows, and never for more", async () => {
  await using team = await startTeam();
  const priority = (value: number) => ({ "X-Olla-Priority": String(value) });
  const asked = [
    await team.ask("loud", "now"),
    await team.ask("loud", "pushing", priority(10)),
    await team.ask("quiet", "usual"),
    await team.ask("boss", "yielding", priority(-3)),
    await team.ask("boss", "first"),
  ];
  await team.answer(5);
  expect(team.labels()).toEqual(["now", "first", "usual", "pushing", "yielding"]);
  for (const { answer } of asked) expect((await answer).status).toBe(200);
});

test("a priority that is none is a 400", async () => {
  await using team = await startTeam();
  for (const value of ["high", "11", "", "1, 2"]) {
    const answer = await post(team.olla, chatBody(), {
      headers: { Authorization: `Bearer ${keyOf("quiet")}`, "X-Olla-Priority": value },
    });
    expect([answer.status, answer.headers.get("x-olla-error")]).toEqual([400, "invalid_request"]);
  }
  expect(team.upstream.requests).toEqual([]);
});

test("a queue that one key has filled has room for another one", async () => {
  await using team = await startTeam({ max: 3 });
  const loud: Asked[] = [];
  for (let index = 0; index < 4; index++) loud.push(await team.ask("loud", `loud ${index}`));
  const quiet = post(team.olla, chatBody({ user: "quiet" }), {
    headers: { Authorization: `Bearer ${keyOf("quiet")}` },
  });
  const displaced = await loud[3]?.answer;
  expect([displaced?.status, displaced?.headers.get("x-olla-error")]).toEqual([429, "queue_full"]);
  expect(Number(displaced?.headers.get("retry-after"))).toBeGreaterThan(0);
  await team.answer(4);
  expect(team.labels()).toEqual(["loud 0", "quiet", "loud 1", "loud 2"]);
  for (const { answer } of loud.slice(0, 3)) expect((await answer).status).toBe(200);
  expect((await quiet).headers.get("x-olla-queue-time")).toMatch(/^\d+ms$/);
});

test("whatever is sent by whomever, at home and in the cloud, ends once: nothing is lost, and no place stays taken", async () => {
  let number = 0;
  const behave = (failures: number) => async (exchange: Parameters<ReturnType<typeof answerJson>>[0]) => {
    number += 1;
    const turn = number;
    await new Promise((resolve) => setTimeout(resolve, turn % 5));
    if (turn % failures === 0) exchange.reset();
    else if (turn % failures === 1) await exchange.respondJson({ error: "busy" }, 503);
    else await exchange.respondJson(completionOf("done"));
  };
  await using near = new FakeUpstream({ behave: behave(7) });
  await using nearer = new FakeUpstream({ behave: behave(11) });
  await using far = new FakeUpstream({ behave: behave(13) });
  await using olla = await startOlla({
    endpoints: [
      endpointOf(near, "near", { max_concurrent: 2 }),
      endpointOf(nearer, "nearer", { max_concurrent: 1, priority: 200 }),
      endpointOf(far, "far", { max_concurrent: 2, tier: "cloud" }),
    ],
    proxy: { queue: { max: 20, timeout: "2s" }, overflow: { after: "20ms" } },
    sections: { auth: { keys } },
  });
  const total = 300;
  const statuses = new Map<number, number>();
  let [locals, cloudsForLocals] = [0, 0];
  const one = async (index: number) => {
    const name = names[index % names.length] ?? "quiet";
    const isLocal = index % 4 === 0;
    const leaving = new AbortController();
    if (index % 17 === 0) setTimeout(() => leaving.abort(), 5 + (index % 30));
    const headers = {
      Authorization: `Bearer ${keyOf(name)}`,
      "X-Olla-Priority": String((index % 21) - 10),
      ...(isLocal && { "X-Olla-Local-Only": "true" }),
    };
    try {
      const answer = await post(olla, chatBody(), { headers, signal: leaving.signal });
      await answer.arrayBuffer();
      locals += isLocal ? 1 : 0;
      cloudsForLocals += isLocal && answer.headers.get("x-olla-tier") !== null ? 1 : 0;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    } catch (error) {
      if (!leaving.signal.aborted) throw error;
      statuses.set(499, (statuses.get(499) ?? 0) + 1);
    }
  };
  const waves = Array.from({ length: 6 }, (_, wave) => wave);
  for (const wave of waves) {
    await Promise.all(Array.from({ length: total / waves.length }, (_, index) => one(wave * 50 + index)));
  }
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(total);
  expect([...statuses.keys()].filter((status) => ![200, 429, 499, 502, 503].includes(status))).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(total / 2);
  expect([locals > 0, cloudsForLocals]).toEqual([true, 0]);
  const requestLines = () => olla.accessLog().filter(({ method }) => method === "POST");
  // Whoever leaves early may have left before the request was there.
  const answered = total - (statuses.get(499) ?? 0);
  await waitUntil(() => requestLines().length >= answered, { what: "every answer has its line" });
  expect(new Set(requestLines().map(({ request_id }) => request_id)).size).toBe(requestLines().length);
  expect(requestLines().length).toBeLessThanOrEqual(total);
  expect(requestLines().some(({ tier }) => tier === "cloud")).toBe(true);
  await waitUntil(
    async () => {
      const status = (await (await fetch(`${olla.url}/internal/status`)).json()) as {
        system: { active_connections: number };
      };
      return status.system.active_connections === 0;
    },
    { what: "no place is taken" },
  );
});
