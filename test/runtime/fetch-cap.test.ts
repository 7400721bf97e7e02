// The process-wide limit of 256 fetches in flight, and that it is read once at process start (bun.md §2).
import { expect, test } from "bun:test";
import { SocketServer } from "../support/socket-server.ts";
import { hangBeforeHead } from "../support/upstream-behaviours.ts";
import { waitUntil } from "../support/wait-until.ts";

const child = `
  process.env.BUN_CONFIG_MAX_HTTP_REQUESTS = process.env.SET_TOO_LATE ?? process.env.BUN_CONFIG_MAX_HTTP_REQUESTS;
  for (let count = 0; count < 300; count += 1) fetch(process.env.UPSTREAM + "/" + count).catch(() => {});
  setInterval(() => {}, 1000);
`;

async function countArrivals(environment: Record<string, string>, atLeast: number): Promise<number> {
  let arrived = 0;
  await using server = new SocketServer((exchange) => {
    arrived += 1;
    return hangBeforeHead(exchange);
  });
  const process_ = Bun.spawn([process.execPath, "-e", child], {
    env: { PATH: process.env.PATH ?? "", UPSTREAM: server.url, ...environment },
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    await waitUntil(() => arrived >= atLeast, { what: `${atLeast} requests arrive` });
    const settledAt = performance.now();
    await waitUntil(() => performance.now() - settledAt > 200);
    return arrived;
  } finally {
    process_.kill();
    await process_.exited;
  }
}

test.concurrent("by default a process has 256 fetches in flight and the rest wait", async () => {
  expect(await countArrivals({}, 256)).toBe(256);
});

test.concurrent("BUN_CONFIG_MAX_HTTP_REQUESTS at process start raises the limit", async () => {
  expect(await countArrivals({ BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" }, 300)).toBe(300);
});

test.concurrent("setting the variable inside the process is too late", async () => {
  expect(await countArrivals({ SET_TOO_LATE: "65535" }, 256)).toBe(256);
});

test.concurrent("a value above 65535 silently means 256", async () => {
  expect(await countArrivals({ BUN_CONFIG_MAX_HTTP_REQUESTS: "70000" }, 256)).toBe(256);
});
