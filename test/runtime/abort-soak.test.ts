// Aborted streams leave neither memory nor upstream connections behind (bun.md §2).
import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { RawClient } from "../support/raw-client.ts";
import { hangAfterTokens } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const mebibyte = 1024 * 1024;

async function abortStreams(port: number, count: number): Promise<void> {
  for (let done = 0; done < count; done += 20) {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(port)));
    for (const client of clients) client.request("GET / HTTP/1.1");
    await Promise.all(clients.map((client) => client.readUntil("alpha")));
    for (const client of clients) client.reset();
  }
}

async function residentBytes(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/collect`);
  return ((await answer.json()) as { rss: number }).rss;
}

test("2,000 aborted streams leave the process's memory flat and no upstream connection open", async () => {
  await using upstream = new FakeUpstream({ behave: hangAfterTokens(["alpha"]) });
  const proxy = Bun.spawn([process.execPath, join(import.meta.dir, "abort-soak.fixture.ts")], {
    env: { PATH: process.env.PATH ?? "", UPSTREAM: upstream.url },
    stdout: "pipe",
    stderr: "ignore",
  });
  try {
    const { value } = await proxy.stdout.getReader().read();
    const port = Number(new TextDecoder().decode(value));
    await abortStreams(port, 400);
    const before = await residentBytes(port);
    await abortStreams(port, 1_600);
    const after = await residentBytes(port);
    expect(after - before).toBeLessThan(24 * mebibyte);
    await waitUntil(() => upstream.openConnections === 0, { what: "every upstream connection is closed" });
  } finally {
    proxy.kill();
    await proxy.exited;
  }
});
