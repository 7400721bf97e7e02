import { seededRandom } from "../support/seeded-random.ts";
import { type SpawnedOlla, spawnOlla } from "../support/spawn-olla.ts";
import { waitUntil, within } from "../support/wait-until.ts";
import { askOnce, type ClientReport } from "./chaos-client.ts";
import { ChaosUpstream, type Trouble, troubles } from "./chaos-upstream.ts";

export interface ChaosOptions {
  readonly engine: "sherpa" | "olla";
  readonly seed: number;
  readonly seconds: number;
  readonly clients: number;
}

export interface ChaosReport {
  readonly seed: number;
  readonly engine: string;
  readonly balancer: string;
  readonly requests: number;
  readonly complete: number;
  readonly visiblyCut: number;
  readonly clientsLeft: number;
  /** Refused although some endpoint was well, because the answer had begun and then broke: never sent twice. */
  readonly brokenAfterHead: number;
  /** Refused while no endpoint was well from the request's beginning to its end. */
  readonly couldNotBeServed: number;
  readonly failedOver: number;
  /** How often each kind of trouble befell an endpoint. */
  readonly troubles: Readonly<Record<string, number>>;
  /** Of the four, at any one time: on average, and at most. */
  readonly illOnAverage: number;
  readonly illAtMost: number;
  readonly slowestMs: number;
  readonly violations: readonly string[];
}

const model = "tiny";
const clientSecret = "canary-client-71c0";
const endpointSecret = "canary-endpoint-3fe9";
const balancers = ["least-connections", "round-robin", "priority"] as const;

/** When an endpoint was surely usable: it was well, and Olla had seen it so. Times by `performance.now()`. */
interface GoodTime {
  readonly from: number;
  until: number;
}

class Fleet {
  readonly upstreams: readonly ChaosUpstream[];
  readonly #random: () => number;
  readonly #good = new Map<ChaosUpstream, GoodTime[]>();
  readonly counts: Record<string, number> = {};
  #looks = 0;
  #illSeen = 0;
  #illAtMost = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.upstreams = ["a", "b", "c", "d"].map((name) => new ChaosUpstream(name, model, random));
    for (const upstream of this.upstreams) this.#good.set(upstream, []);
  }

  #current(upstream: ChaosUpstream): GoodTime | undefined {
    const last = this.#good.get(upstream)?.at(-1);
    return last?.until === Number.POSITIVE_INFINITY ? last : undefined;
  }

  /** Marks those that Olla uses again. */
  async look(olla: SpawnedOlla): Promise<void> {
    const ill = this.upstreams.filter(({ mode }) => mode !== "well").length;
    this.#looks += 1;
    this.#illSeen += ill;
    this.#illAtMost = Math.max(this.#illAtMost, ill);
    const answer = await fetch(`${olla.url}/internal/status/endpoints`);
    const { endpoints } = (await answer.json()) as { endpoints: { name: string; status: string }[] };
    for (const upstream of this.upstreams) {
      const isSeen = endpoints.some(({ name, status }) => name === upstream.name && status === "healthy");
      if (upstream.mode !== "well" || !isSeen || upstream.answersSinceWell < 3) continue;
      if (this.#current(upstream) !== undefined) continue;
      // An answer is counted by its endpoint a moment before Olla knows of it.
      this.#good.get(upstream)?.push({ from: performance.now() + 50, until: Number.POSITIVE_INFINITY });
    }
  }

  /** One endpoint at random falls ill, gets well, or has something else; never the last good one. */
  async stir(): Promise<void> {
    const upstream = this.upstreams[Math.floor(this.#random() * this.upstreams.length)];
    if (upstream === undefined) return;
    const now = performance.now();
    const others = this.upstreams.filter((each) => each !== upstream);
    const isLastGood = !others.some((each) => (this.#current(each)?.from ?? now) < now);
    if (upstream.mode === "well" && isLastGood) return;
    if (upstream.mode !== "well" && this.#random() < 0.5) return upstream.become("well");
    const trouble: Trouble = troubles[Math.floor(this.#random() * troubles.length)] ?? "killed";
    const good = this.#current(upstream);
    if (good !== undefined) good.until = now;
    this.counts[trouble] = (this.counts[trouble] ?? 0) + 1;
    await upstream.become(trouble);
  }

  /** The names of those that were good all that time. */
  whoCouldServe(from: number, until: number): string[] {
    const isGood = (time: GoodTime): boolean => time.from <= from && until <= time.until;
    return this.upstreams
      .filter((upstream) => this.#good.get(upstream)?.some(isGood))
      .map(({ name }) => name);
  }

  figures() {
    const illOnAverage = Math.round((this.#illSeen / Math.max(1, this.#looks)) * 100) / 100;
    return { troubles: this.counts, illOnAverage, illAtMost: this.#illAtMost };
  }

  describe(): string {
    return this.upstreams.map(({ name, mode }) => `${name} ${mode}`).join(", ");
  }

  async heal(): Promise<void> {
    for (const upstream of this.upstreams) await upstream.become("well");
  }

  async dispose(): Promise<void> {
    for (const upstream of this.upstreams) await upstream[Symbol.asyncDispose]();
  }
}

class Tally {
  requests = 0;
  complete = 0;
  visiblyCut = 0;
  clientsLeft = 0;
  brokenAfterHead = 0;
  couldNotBeServed = 0;
  failedOver = 0;
  slowestMs = 0;
  readonly violations: string[] = [];

  add(report: ClientReport, fleet: Fleet, startedAt: number): void {
    const endedAt = performance.now();
    this.requests += 1;
    if (report.attempts > 1) this.failedOver += 1;
    if (report.received.includes("canary"))
      this.violations.push(`a credential in an answer: ${report.received}`);
    const { verdict } = report;
    switch (verdict.kind) {
      case "complete":
        this.complete += 1;
        this.slowestMs = Math.max(this.slowestMs, Math.round(endedAt - startedAt));
        return;
      case "cut":
        this.visiblyCut += 1;
        return;
      case "left":
        this.clientsLeft += 1;
        return;
      case "violation":
        this.violations.push(verdict.what);
        return;
      case "failed": {
        const able = fleet.whoCouldServe(startedAt, endedAt);
        if (verdict.code === "truncated") this.brokenAfterHead += 1;
        else if (able.length === 0) this.couldNotBeServed += 1;
        else
          this.violations.push(
            `not served though ${able.join(" and ")} could (${fleet.describe()}): ${verdict.code}, ${report.attempts} attempts, ${Math.round(endedAt - startedAt)} ms: ${report.received.split("\n")[1]}`,
          );
      }
    }
  }
}

/** Clients that never stop asking, endpoints that fail at random, and a look at everything that came out of it. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = seededRandom(options.seed);
  const balancer = balancers[options.seed % balancers.length] ?? "least-connections";
  const fleet = new Fleet(random);
  const tally = new Tally();
  try {
    await using olla = await startUnderTest(options, balancer, fleet);
    let isOver = false;
    const stop = (): boolean => isOver;
    const clients = Array.from({ length: options.clients }, (_, id) =>
      keepAsking({ id, olla, fleet, tally, random: seededRandom(options.seed * 1000 + id), stop }),
    );
    await stirUntil(performance.now() + options.seconds * 1000, fleet, olla, random);
    await fleet.heal();
    isOver = true;
    await within(Promise.all(clients), 30_000, "every client has its answer");
    await checkAfterwards(olla, fleet, tally);
  } finally {
    await fleet.dispose();
  }
  const { violations, ...figures } = tally;
  return {
    seed: options.seed,
    engine: options.engine,
    balancer,
    ...figures,
    ...fleet.figures(),
    violations: [...new Set(violations)].slice(0, 20),
  };
}

function startUnderTest(options: ChaosOptions, balancer: string, fleet: Fleet): Promise<SpawnedOlla> {
  return spawnOlla({
    endpoints: fleet.upstreams.map(({ name, url }) => ({
      name,
      url,
      type: "openai-compatible",
      check_interval: "1s",
      check_timeout: "500ms",
      max_concurrent: 20,
      auth: { type: "bearer", token: endpointSecret },
    })),
    server: { shutdown_timeout: "10s" },
    proxy: {
      engine: options.engine,
      load_balancer: balancer,
      connection_timeout: "1s",
      read_timeout: "5s",
      circuit_breaker: { open_duration: "500ms" },
    },
    sections: { logging: { level: "info", format: "json" } },
  });
}

async function stirUntil(
  endsAt: number,
  fleet: Fleet,
  olla: SpawnedOlla,
  random: () => number,
): Promise<void> {
  while (performance.now() < endsAt) {
    await new Promise((resolve) => setTimeout(resolve, 20 + random() * 180));
    await fleet.look(olla);
    await fleet.stir();
  }
}

interface Client {
  readonly id: number;
  readonly olla: SpawnedOlla;
  readonly fleet: Fleet;
  readonly tally: Tally;
  readonly random: () => number;
  readonly stop: () => boolean;
}

async function keepAsking({ id, olla, fleet, tally, random, stop }: Client): Promise<void> {
  for (let count = 0; !stop(); count += 1) {
    const ask = {
      model,
      stream: random() < 0.6,
      nonce: `nonce-${id}-${count}-`,
      tokens: 1 + Math.floor(random() * 30),
      messages: [{ role: "user", content: "hi" }],
    };
    const leave = new AbortController();
    const timer = random() < 0.1 ? setTimeout(() => leave.abort(), random() * 100) : undefined;
    const startedAt = performance.now();
    const report = await askOnce(olla.url, ask, `Bearer ${clientSecret}`, leave.signal);
    clearTimeout(timer);
    tally.add(report, fleet, startedAt);
  }
}

/** Nothing may be left of all that: no count, no connection, no secret, and an orderly exit. */
async function checkAfterwards(olla: SpawnedOlla, fleet: Fleet, tally: Tally): Promise<void> {
  const readStatus = async (): Promise<string> => (await fetch(`${olla.url}/internal/status`)).text();
  await waitUntil(async () => /"active_connections":0\b/.test(await readStatus()), {
    deadlineMs: 10_000,
    what: "no request is counted any more",
  }).catch((error: unknown) => tally.violations.push(String(error)));
  const status = (await readStatus()) + (await (await fetch(`${olla.url}/internal/status/endpoints`)).text());
  const depths = [...status.matchAll(/"(?:depth|waiting)":(\d+)/g)].map(([, depth]) => Number(depth));
  if (depths.some((depth) => depth !== 0)) tally.violations.push(`requests still wait: ${depths.join(" ")}`);
  for (const { name, authorizations } of fleet.upstreams) {
    if ([...authorizations].some((value) => value !== `Bearer ${endpointSecret}`))
      tally.violations.push(`endpoint ${name} got ${[...authorizations].join(", ")}`);
  }
  olla.signal("SIGTERM");
  const code = await within(olla.exited, 15_000, "olla exits");
  if (code !== 0) tally.violations.push(`olla exited with ${code}`);
  await waitUntil(() => fleet.upstreams.every(({ openConnections }) => openConnections === 0), {
    what: "every upstream connection is closed",
  }).catch((error: unknown) => tally.violations.push(String(error)));
  if (`${olla.output()}${status}`.includes("canary"))
    tally.violations.push("a credential in the log or the status");
}
