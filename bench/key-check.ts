// What it costs to let a request in: nothing configured, a key, a key with every limit, and a wrong key.
//   bun bench/key-check.ts

import { systemClock } from "../src/lib/clock.ts";
import { digestOf } from "../src/lib/key-digest.ts";
import { type Arrival, arrive } from "../src/server/arrival.ts";
import {
  type ClientGuard,
  type ClientGuardSettings,
  createClientGuard,
} from "../src/server/guard/client-guard.ts";
import type { ClientKeySettings } from "../src/server/guard/client-keys.ts";

const rounds = 9;
const checksPerRound = 200_000;
const keyCount = 1_000;

const texts = Array.from({ length: keyCount }, (_, index) => `olla_${String(index).padStart(43, "k")}`);

function keysWith(limits: Partial<ClientKeySettings>): readonly ClientKeySettings[] {
  return texts.map((text) => ({
    name: text.slice(-4),
    digest: digestOf(text),
    models: [],
    requestsPerMinute: 0,
    tokensPerMinute: 0,
    maxParallel: 0,
    expiresAt: undefined,
    priority: 0,
    isLocalOnly: false,
    ...limits,
  }));
}

const unlimited: ClientGuardSettings = {
  keys: [],
  globalPerMinute: 0,
  perAddressPerMinute: 0,
  healthPerMinute: 0,
  burst: 1e9,
  sweepMs: 300_000,
};

const plenty = 1e9;

function arrivalWith(headers: Record<string, string>): Arrival {
  const request = new Request("http://olla.test/olla/proxy/v1/chat/completions", { headers });
  const connection = { requestIP: () => ({ address: "192.0.2.1" }), timeout() {} };
  return arrive(request, connection, systemClock);
}

/** Microseconds of processor time for one check: the median of the rounds, of which the first two warm up. */
function measure(guard: ClientGuard, arrivals: readonly Arrival[]): number {
  const costs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    for (let count = 0; count < checksPerRound; count += 1) {
      const arrival = arrivals[count % arrivals.length];
      if (arrival !== undefined) guard.enter(arrival, "inference")?.lease?.end();
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= 2) costs.push((user + system) / checksPerRound);
  }
  return costs.toSorted((first, second) => first - second)[Math.floor(costs.length / 2)] ?? Number.NaN;
}

const bearers = texts.map((text) => arrivalWith({ authorization: `Bearer ${text}` }));
const everyLimit = { requestsPerMinute: plenty, tokensPerMinute: plenty, maxParallel: plenty };
const cases: readonly (readonly [string, Partial<ClientGuardSettings>, readonly Arrival[]])[] = [
  ["a key, as a bearer token", { keys: keysWith({}) }, bearers],
  ["a key, as x-api-key", { keys: keysWith({}) }, texts.map((text) => arrivalWith({ "x-api-key": text }))],
  [
    "a key, as a password",
    { keys: keysWith({}) },
    texts.map((text) => arrivalWith({ authorization: `Basic ${btoa(`me:${text}`)}` })),
  ],
  [
    "a key with every limit",
    { keys: keysWith(everyLimit), globalPerMinute: plenty, perAddressPerMinute: plenty },
    bearers,
  ],
  ["limits alone", { globalPerMinute: plenty, perAddressPerMinute: plenty }, bearers],
  [
    "a wrong key, one of many",
    { keys: keysWith({}) },
    [arrivalWith({ authorization: "Bearer olla_nobody" })],
  ],
];

console.log(`µs of CPU per check, ${keyCount} keys configured`);
for (const [name, settings, arrivals] of cases) {
  const guard = createClientGuard({ ...unlimited, ...settings }, systemClock);
  if (guard === undefined) throw new Error("there is nothing to measure");
  console.log(`${name.padEnd(28)} ${measure(guard, arrivals).toFixed(2).padStart(6)}`);
}
