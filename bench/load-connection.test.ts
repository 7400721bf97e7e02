import { expect, test } from "bun:test";
import { LoadConnection } from "./load-connection.ts";
import { Tally } from "./tally.ts";

const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const event = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const whole = `${head}${event("data: 1\n\n")}${event("data: [DONE]\n\n")}0\r\n\r\n`;

/** Asks twice, and gets these bytes each time; a connection is closed after an answer that has no end. */
async function ask(answer: string, pieces = 1): Promise<Tally> {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        const size = Math.ceil(answer.length / pieces);
        for (let at = 0; at < answer.length; at += size) socket.write(answer.slice(at, at + size));
        if (!answer.endsWith("0\r\n\r\n")) socket.end();
      },
    },
  });
  const tally = new Tally();
  let left = 2;
  const takeNext = () => left-- > 0;
  const request = Buffer.from("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  const plan = {
    hostname: "127.0.0.1",
    port: server.port,
    request,
    isStream: true,
    newlines: 4,
    everyMs: 0,
    takeNext,
  };
  await new LoadConnection(plan, tally).run();
  server.stop(true);
  return tally;
}

test("whole streams are answers, however they are cut", async () => {
  for (const pieces of [1, 7, 40]) {
    const { answers, errors } = await ask(whole, pieces);
    expect({ answers, errors }).toEqual({ answers: 2, errors: 0 });
  }
});

test("a stream that ends in order and lacks an event is an error", async () => {
  const short = `${head}${event("data: [DONE]\n\n")}0\r\n\r\n`;
  const { answers, errors } = await ask(short);
  expect({ answers, errors }).toEqual({ answers: 0, errors: 2 });
});

test("a stream that is cut off is an error", async () => {
  const { answers, errors } = await ask(`${head}${event("data: 1\n\n")}`);
  expect({ answers, errors }).toEqual({ answers: 0, errors: 1 });
});

test("a refusal is an error", async () => {
  const { answers, errors } = await ask(whole.replace("200 OK", "503 Busy"));
  expect({ answers, errors }).toEqual({ answers: 0, errors: 2 });
});

test("streams that were open and ended are not counted as open", async () => {
  const tally = await ask(whole);
  expect(tally.result(1, 1).openAtOnce).toBe(1);
});
