import { seededRandom } from "../../test/support/seeded-random.ts";
import { type Plan, SoakClient } from "./clients.ts";
import type { Finished } from "./judge.ts";

/** They ask for one piece, at an easy pace, and stay. */
const smallClients = 8;
const leavingShare = 1 / 3;
const translatedShare = 1 / 5;

/** Draws what one client asks for next; by its own seed, so that the order of events changes nothing. */
function planner(seed: number, isSmall: boolean, nextNonce: () => number): () => Plan {
  const random = seededRandom(seed);
  const between = (least: number, most: number): number => Math.round(least + random() * (most - least));
  return () => {
    const nonce = nextNonce();
    if (isSmall)
      return {
        kind: "small",
        ask: { nonce, tokens: 0, thinkMs: between(0, 20), intervalMs: 0 },
        leaveAfterMs: undefined,
      };
    const ask = { nonce, tokens: between(10, 70), thinkMs: between(0, 200), intervalMs: between(30, 70) };
    const leaves = random() < leavingShare;
    const moment = random() * (ask.thinkMs + ask.tokens * ask.intervalMs);
    const kind = random() < translatedShare ? "translated" : "stream";
    return { kind, ask, leaveAfterMs: leaves ? moment : undefined };
  };
}

/** Resolves when all clients have ended, which they do by themselves once it is over. */
export async function load(
  port: number,
  { seed, streams }: { readonly seed: number; readonly streams: number },
  isOver: () => boolean,
  report: (finished: Finished) => void,
): Promise<void> {
  let nonces = 0;
  const nextNonce = (): number => {
    nonces += 1;
    return nonces;
  };
  const clients = Array.from({ length: streams + smallClients }, (_, index) => {
    const isSmall = index >= streams;
    const draw = planner(seed * 10_000 + index, isSmall, nextNonce);
    const pause = seededRandom(seed * 10_000 + index + 5_000);
    const client = new SoakClient(port, report);
    return client.run(
      () => (isOver() ? undefined : draw()),
      ({ ending }) => {
        // No reason to ask as fast as one can where nobody answers.
        if (ending === "unanswered" || ending === "refused") return 500;
        return isSmall ? 50 + pause() * 100 : 0;
      },
    );
  });
  await Promise.all(clients);
}
