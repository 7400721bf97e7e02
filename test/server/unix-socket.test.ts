import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { ListenError, type Listener, type ListenOptions, listen } from "../../src/server/listen.ts";
import { clearStaleSocket } from "../../src/server/unix-socket.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startOlla } from "../support/start-olla.ts";
import { listenerTls, pem } from "../support/tls-files.ts";
import { waitUntil } from "../support/wait-until.ts";
import { createTestServer } from "./test-server.ts";

const open: Listener[] = [];
let folder = "";
let path = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-unix-"));
  path = join(folder, "olla.sock");
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.stop(0)));
  await rm(folder, { recursive: true, force: true });
});

function listenAt(host: string, changes: Partial<ListenOptions> = {}): Listener {
  const listener = listen({
    host,
    port: 40114,
    fetch: () => new Response("here"),
    idleTimeoutSeconds: 120,
    clock: systemClock,
    onUnexpectedError: () => {},
    ...changes,
  });
  open.push(listener);
  return listener;
}

/** Leaves a socket behind, as a program that was killed does. */
async function leaveSocket(): Promise<void> {
  const code = `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response("") }); process.kill(process.pid, "SIGKILL")`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "ignore", stderr: "ignore" });
  await child.exited;
  expect(existsSync(path)).toBe(true);
}

test("a Unix socket is listened on, for its owner and group, and gone after the stop", async () => {
  const server = createTestServer();
  const listener = listenAt(`unix:${path}`, { fetch: server.router.fetch });
  expect(listener.url).toBe(`unix:${path}`);
  expect((statSync(path).mode & 0o777).toString(8)).toBe("660");
  expect((await fetch("http://localhost/olla/proxy/x", { unix: path })).status).toBe(200);
  expect(server.exchanges.map(({ clientAddress, isSecure }) => [clientAddress, isSecure])).toEqual([
    ["127.0.0.1", false],
  ]);
  expect(await listener.stop(1_000)).toBe("drained");
  expect(existsSync(path)).toBe(false);
});

test("a certificate is shown and renewed there, too", async () => {
  const listener = listenAt(`unix:${path}`, { tls: listenerTls("one") });
  listener.renew(listenerTls("two"));
  const answer = await fetch("https://localhost/", { unix: path, tls: { ca: pem("authority.pem") } });
  expect(await answer.text()).toBe("here");
  expect((statSync(path).mode & 0o777).toString(8)).toBe("660");
});

test("a socket that was left behind is taken away; one in use and other files are not", async () => {
  await leaveSocket();
  expect(() => listenAt(`unix:${path}`)).toThrow(ListenError);
  await clearStaleSocket(path);
  expect(existsSync(path)).toBe(false);

  listenAt(`unix:${path}`);
  await clearStaleSocket(path);
  expect(existsSync(path)).toBe(true);
  expect(() => listenAt(`unix:${path}`)).toThrow(/another program listens there/);

  const file = join(folder, "notes.txt");
  writeFileSync(file, "precious");
  await clearStaleSocket(file);
  expect(existsSync(file)).toBe(true);
  expect(() => listenAt(`unix:${file}`)).toThrow(/file of another kind/);
  await clearStaleSocket(join(folder, "nothing"));
});

test.each([
  ["folder/is/missing.sock", /its folder does not exist/],
  ["x".repeat(200), /too long/],
])("a path that cannot be (%#) is told in words", (name, expected) => {
  expect(() => listenAt(`unix:${join(folder, name)}`)).toThrow(expected);
});

test("the whole app serves through it, and requests there are local", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startOlla({
    endpoints: [{ name: "one", url: upstream.url, type: upstream.kind }],
    server: { host: `unix:${path}` },
    readiness: "listening",
  });
  expect(olla.url).toBe(`unix:${path}`);
  const answer = await waitUntil(async () => {
    const response = await fetch("http://localhost/olla/openai/v1/chat/completions", {
      unix: path,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "tiny", messages: [] }),
    });
    return response.status === 200 && response;
  });
  expect(answer.headers.get("x-olla-endpoint")).toBe("one");
  expect((await fetch("http://localhost/internal/status", { unix: path })).status).toBe(200);
});
