// The clients of the soak know a bad answer when they see one: a soak that cannot fail proves nothing.
import { expect, test } from "bun:test";
import { parseAsk, tokenText } from "../../bench/soak/ask.ts";
import { type Plan, SoakClient } from "../../bench/soak/clients.ts";
import type { Finished } from "../../bench/soak/judge.ts";
import { findDeadPort } from "../support/dead-port.ts";
import { type Behaviour, type Exchange, SocketServer } from "../support/socket-server.ts";
import { completionOf, sseDone, sseToken } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const nonce = 41;
const tokens = 3;
const plan: Plan = {
  kind: "stream",
  ask: { nonce, tokens, thinkMs: 0, intervalMs: 1 },
  leaveAfterMs: undefined,
};
const errorEvent = 'data: {"error":{"message":"gone","code":502}}\n\n';

async function askAt(port: number, plans: readonly Plan[]): Promise<Finished[]> {
  const finished: Finished[] = [];
  const waiting = [...plans];
  const client = new SoakClient(port, (each) => finished.push(each));
  await client.run(
    () => waiting.shift(),
    () => 0,
  );
  return finished;
}

async function seen(behave: Behaviour, asked: Plan = plan): Promise<Finished | undefined> {
  await using server = new SocketServer(behave);
  return (await askAt(server.port, [asked]))[0];
}

function token(index: number, of = nonce): string {
  return sseToken(tokenText(of, index));
}

/** Begins a stream as Olla does, with the name of who answers. */
async function stream(exchange: Exchange, ...pieces: readonly string[]): Promise<void> {
  await exchange.startChunked(200, {
    "Content-Type": "text/event-stream",
    "X-Olla-Endpoint": "steady",
  });
  for (const piece of pieces) await exchange.chunk(piece);
}

function ending(...pieces: readonly string[]): Behaviour {
  return async (exchange) => {
    await stream(exchange, ...pieces);
    await exchange.endChunked();
  };
}

test("a request says what it wants in a way that the endpoint understands, and a whole answer is complete", async () => {
  let body = "";
  const finished = await seen(async (exchange) => {
    body = exchange.text;
    await ending(token(0), token(1), token(2), sseDone)(exchange);
  });
  expect(parseAsk(body)).toEqual(plan.ask);
  expect(finished).toEqual({ kind: "stream", nonce, ending: "complete", endpoint: "steady", detail: "" });
});

test("tokens are found wherever the bytes are cut", async () => {
  const finished = await seen(async (exchange) => {
    await stream(exchange);
    for (const letter of [token(0), token(1), token(2), sseDone].join("")) await exchange.chunk(letter);
    await exchange.endChunked();
  });
  expect(finished?.ending).toBe("complete");
});

const wrong: Readonly<Record<string, Behaviour>> = {
  "ends cleanly without saying so": ending(token(0), token(1), token(2)),
  "lacks the last token": ending(token(0), token(1), sseDone),
  "lacks one in the middle": ending(token(0), token(2), sseDone),
  "has one twice": ending(token(0), token(1), token(1), token(2), sseDone),
  "has another request's": ending(token(0), token(1, 42), token(2), sseDone),
  "has an error and ends as if it had none": ending(token(0), errorEvent, sseDone),
  "is empty": ending(),
};
for (const [name, behave] of Object.entries(wrong)) {
  test(`a stream that ${name} is wrong`, async () => {
    expect((await seen(behave))?.ending).toBe("wrong");
  });
}

test("an error in the stream, a broken connection, a refusal and no answer are told apart", async () => {
  expect((await seen(ending(token(0), errorEvent)))?.ending).toBe("told");
  const cut = await seen(async (exchange) => {
    await stream(exchange, token(0));
    exchange.reset();
  });
  expect(cut).toMatchObject({ ending: "cut", endpoint: "steady", detail: "after 1 of 3 tokens" });
  const refused = await seen((exchange) => exchange.respondJson({ error: { message: "full" } }, 429));
  expect(refused).toMatchObject({ ending: "refused", endpoint: undefined });
  expect(refused?.detail).toStartWith("429");
  expect((await seen((exchange) => exchange.close()))?.ending).toBe("unanswered");
  expect((await askAt(findDeadPort(), [plan]))[0]?.ending).toBe("unanswered");
});

test("a small answer is complete when it is this request's", async () => {
  const small: Plan = { ...plan, kind: "small", ask: { ...plan.ask, tokens: 0 } };
  const answering =
    (of: number): Behaviour =>
    (exchange) =>
      exchange.respondJson(completionOf(tokenText(of, 0)));
  expect((await seen(answering(nonce), small))?.ending).toBe("complete");
  expect((await seen(answering(42), small))?.ending).toBe("wrong");
});

test("a client that leaves closes its connection, and asks the next time on another", async () => {
  await using server = new SocketServer(async (exchange) => {
    await stream(exchange, token(0));
    await exchange.gone;
  });
  const leaving: Plan = { ...plan, leaveAfterMs: 20 };
  const finished = await askAt(server.port, [leaving, leaving]);
  expect(finished.map((each) => each.ending)).toEqual(["left", "left"]);
  expect(server.openedConnections).toBe(2);
  await waitUntil(() => server.openConnections === 0, { what: "both connections are closed" });
});

test("requests share a connection until an answer says that it is the last", async () => {
  let answers = 0;
  await using server = new SocketServer(async (exchange) => {
    answers += 1;
    await exchange.respondJson(
      completionOf(tokenText(nonce, 0)),
      200,
      answers === 2 ? { Connection: "close" } : {},
    );
  });
  const small: Plan = { ...plan, kind: "small", ask: { ...plan.ask, tokens: 0 } };
  const finished = await askAt(server.port, [small, small, small]);
  expect(finished.map((each) => each.ending)).toEqual(["complete", "complete", "complete"]);
  expect(server.openedConnections).toBe(2);
});
