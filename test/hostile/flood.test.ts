// Many at once: connections that say nothing, little or the wrong thing. The program goes on serving, in bounded memory.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import type { RawClient } from "../support/raw-client.ts";
import { RawClient as Client } from "../support/raw-client.ts";
import { bearer, chatPath, clientKey, expectAlive, goodBody, sendRaw, startHostile } from "./hostile-olla.ts";

/** Resident memory of the process in MB; undefined where the machine does not say. */
function residentMb(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return (pages * 4096) / 1024 / 1024;
}

function grewBy(pid: number, before: number | undefined): number {
  const now = residentMb(pid);
  return now === undefined || before === undefined ? 0 : now - before;
}

function openFileLimit(): number {
  if (process.platform !== "linux") return 0;
  const line = /Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"));
  return Number(line?.[1] ?? 0);
}

test("400 clients that send their head or their body byte by byte keep nobody waiting, and are let go", async () => {
  await using hostile = await startHostile({ read_timeout: "2s", idle_timeout: "2s" });
  const head = `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${clientKey}\r\n`;
  const clients: RawClient[] = [];
  try {
    for (let index = 0; index < 400; index += 1) {
      const client = await Client.connect(hostile.olla.port);
      client.send(index % 2 === 0 ? head : `${head}Content-Length: 100000\r\n\r\n{`);
      clients.push(client);
    }
    const startedAt = performance.now();
    await expectAlive(hostile);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await Promise.all(
      clients.map(async (client, index) => {
        if (index % 2 === 0) await client.closed;
        else expect((await client.readHead(15_000)).startLine).toMatch(/ (400|408) /);
      }),
    );
    await expectAlive(hostile);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}, 30_000);

const wantedSockets = 10_000;
const hasRoom = openFileLimit() > wantedSockets + 1_000;

// Where a process may not open that many files, neither side of the test could.
test.skipIf(!hasRoom)(
  "10,000 connections that say nothing cost memory that is bounded, and nobody else anything",
  async () => {
    await using hostile = await startHostile();
    await expectAlive(hostile);
    const before = residentMb(hostile.olla.pid);
    const sockets: Socket[] = [];
    try {
      for (let batch = 0; batch < wantedSockets / 500; batch += 1) {
        const opened = Array.from({ length: 500 }, () =>
          Bun.connect({
            hostname: "127.0.0.1",
            port: hostile.olla.port,
            socket: { data: () => undefined, error: () => undefined, close: () => undefined },
          }),
        );
        sockets.push(...(await Promise.all(opened)));
      }
      const startedAt = performance.now();
      await expectAlive(hostile);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      const grown = grewBy(hostile.olla.pid, before);
      process.stderr.write(`10,000 idle connections: ${grown.toFixed(1)} MB\n`);
      expect(grown).toBeLessThan(120);
    } finally {
      for (const socket of sockets) socket.terminate();
    }
    await expectAlive(hostile);
  },
  30_000,
);

test("10,000 wrong keys are limited and leave nothing behind; the right one still works", async () => {
  await using hostile = await startHostile();
  await expectAlive(hostile);
  const counts = new Map<string, number>();
  const sender = async (name: number): Promise<void> => {
    using client = await Client.connect(hostile.olla.port);
    for (let index = 0; index < 500; index += 1) {
      client.request("GET /olla/proxy/v1/models HTTP/1.1", [
        `x-api-key: wrong-${name}-${index}-0123456789abcdef`,
      ]);
      const status = (await client.readResponse()).startLine.split(" ")[1] ?? "";
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, name) => sender(name)));
  const before = residentMb(hostile.olla.pid);
  await Promise.all(Array.from({ length: 10 }, (_, name) => sender(name + 10)));
  expect([...counts.keys()].toSorted()).toEqual(["401", "429"]);
  expect(counts.get("401")).toBeLessThan(100);
  expect(grewBy(hostile.olla.pid, before)).toBeLessThan(40);
  const good = await fetch(hostile.olla.url + chatPath, {
    method: "POST",
    headers: bearer(),
    body: goodBody,
  });
  expect(good.status).toBe(200);
  expect(await sendRaw(hostile.olla, "GET /internal/health HTTP/1.1\r\nHost: localhost\r\n\r\n")).toContain(
    " 200 ",
  );
}, 60_000);
