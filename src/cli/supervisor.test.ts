import { expect, test } from "bun:test";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import type { Logger } from "../lib/log.ts";
import { findSupervisor } from "./supervisor.ts";

const pid = 4711;

async function supervise(env: Record<string, string>, isTaken: () => boolean = () => true) {
  const sent: string[] = [];
  const warnings: string[] = [];
  const ignore = () => undefined;
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: (message) => void warnings.push(message),
    error: ignore,
    isEnabled: () => true,
  };
  const clock = createFakeClock();
  const supervisor = await findSupervisor({
    env,
    pid,
    clock,
    logger,
    async openSender(path) {
      if (path === "/broken") throw new Error("no C library");
      return (text) => {
        sent.push(text);
        return isTaken();
      };
    },
  });
  return { supervisor, sent, warnings, clock };
}

test("systemd is told of readiness, reloads, the stop with its grace, and a status of one line", async () => {
  const { supervisor, sent } = await supervise({ NOTIFY_SOCKET: "/run/notify" });
  supervisor.ready();
  supervisor.status("Listening\nREADY=0");
  supervisor.reloading();
  supervisor.ready();
  supervisor.stopping(30_000);
  expect(sent).toEqual([
    "READY=1",
    "STATUS=Listening READY=0",
    "RELOADING=1",
    "READY=1",
    "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000",
  ]);
});

test("where nobody listens nothing is sent and nothing is opened", async () => {
  for (const env of [{}, { NOTIFY_SOCKET: "" }]) {
    const { supervisor, sent, clock } = await supervise({ ...env, WATCHDOG_USEC: "1000000" });
    supervisor.ready();
    expect([sent, clock.pendingTimers()]).toEqual([[], 0]);
  }
});

test("the watchdog is fed twice in its time, from readiness on, and by one timer after a reload as well", async () => {
  const env = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "60000000", WATCHDOG_PID: String(pid) };
  const { supervisor, sent, clock } = await supervise(env);
  clock.advance(100_000);
  expect(sent).toEqual([]);
  supervisor.ready();
  supervisor.ready();
  clock.advance(60_000);
  expect(sent.filter((text) => text === "WATCHDOG=1")).toHaveLength(3);
});

test("a watchdog for another process, or none that can be read, is not fed", async () => {
  for (const watchdog of [{ WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" }, { WATCHDOG_USEC: "soon" }]) {
    const { supervisor, sent, clock } = await supervise({ NOTIFY_SOCKET: "/run/notify", ...watchdog });
    supervisor.ready();
    clock.advance(10_000);
    expect(sent).toEqual(["READY=1"]);
  }
});

test("Olla runs on without a voice, and says so once", async () => {
  const mute = await supervise({ NOTIFY_SOCKET: "/broken" });
  mute.supervisor.ready();
  expect(mute.warnings).toEqual([expect.stringContaining("Type=exec")]);
  const deaf = await supervise({ NOTIFY_SOCKET: "/run/notify" }, () => false);
  deaf.supervisor.ready();
  deaf.supervisor.ready();
  expect([deaf.sent.length, deaf.warnings.length]).toEqual([2, 1]);
});
