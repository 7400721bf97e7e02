import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Server } from "bun";
import { OllaError } from "../../src/errors.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { BodyBudget } from "../../src/pipeline/body-budget.ts";
import { readBody } from "../../src/pipeline/read-body.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";

const head = "POST / HTTP/1.1\r\nHost: olla\r\n";

let server: Server<undefined>;
let budget: BodyBudget;
let failures: OllaError[];
let timeoutMs: number;

/** Answers with what was read, or with the status and code of why not. */
async function answer(request: Request): Promise<Response> {
  try {
    const body = await readBody(request, { maxBytes: 1000, timeoutMs, budget, clock: systemClock });
    body.release();
    return new Response(body.bytes ?? "nothing");
  } catch (error) {
    if (!(error instanceof OllaError)) throw error;
    failures.push(error);
    return new Response(error.code, { status: error.status });
  }
}

beforeEach(() => {
  budget = new BodyBudget(5000);
  failures = [];
  timeoutMs = 0;
  server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
});

afterEach(() => server.stop(true));

function portOf(): number {
  if (server.port === undefined) throw new Error("the server has no port");
  return server.port;
}

async function post(body: string | ReadableStream<Uint8Array>): Promise<{ status: number; text: string }> {
  const response = await fetch(server.url, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

function streamed(pieces: readonly string[]): ReadableStream<Uint8Array> {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
}

describe("a body on a real connection", () => {
  test("of declared length is read whole", async () => {
    expect(await post("x".repeat(1000))).toEqual({ status: 200, text: "x".repeat(1000) });
  });

  test("in chunks is read whole", async () => {
    expect(await post(streamed(["ab", "cd", "e"]))).toEqual({ status: 200, text: "abcde" });
  });

  test("that is empty is none, declared or in chunks", async () => {
    expect((await post("")).text).toBe("nothing");
    using client = await RawClient.connect(portOf());
    client.send(`${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`);
    await client.closed;
    expect(client.text).toEndWith("nothing");
  });

  test("too large is refused, in chunks as soon as the limit is passed", async () => {
    expect(await post("x".repeat(1001))).toEqual({ status: 413, text: "body_too_large" });
    using client = await RawClient.connect(portOf());
    client.send(`${head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n${"x".repeat(1001)}\r\n`);
    await client.readUntil("body_too_large");
    expect(budget.used).toBe(0);
  });

  test("that stops arriving is given up when its time is over", async () => {
    timeoutMs = 50;
    using client = await RawClient.connect(portOf());
    client.send(`${head}Content-Length: 100\r\n\r\n{"model"`);
    await client.readUntil("request_timeout");
    expect(budget.used).toBe(0);
  });
});

describe("a client that leaves while sending", () => {
  for (const [title, start] of [
    ["a declared length", "Content-Length: 100\r\n\r\nabc"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
  ] as const) {
    test(`${title}: is known as such, and its room is free`, async () => {
      using client = await RawClient.connect(portOf());
      client.send(head + start);
      await waitUntil(() => budget.used > 0);
      client.reset();
      await waitUntil(() => failures.length > 0);
      expect(failures.map(({ code }) => code)).toEqual(["client_abort"]);
      expect(budget.used).toBe(0);
    });
  }
});
