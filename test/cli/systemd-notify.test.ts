import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openUnixDatagrams } from "../../src/cli/unix-datagram.ts";
import { canReceiveDatagrams, noDatagrams, receiveDatagrams } from "../support/datagram-inbox.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { waitUntil } from "../support/wait-until.ts";

test.skipIf(!canReceiveDatagrams)(
  `datagrams arrive at paths and at abstract names${noDatagrams}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "olla-notify-"));
    try {
      for (const path of [join(folder, "notify"), `@olla-test-${process.pid}`]) {
        await using inbox = await receiveDatagrams(path);
        const send = await openUnixDatagrams(path);
        expect([send("READY=1"), send("STATUS=größer")]).toEqual([true, true]);
        await waitUntil(() => inbox.texts().length === 2, { what: "both have arrived" });
        expect(inbox.messages()).toEqual([
          { text: "READY=1", pid: process.pid },
          { text: "STATUS=größer", pid: process.pid },
        ]);
      }
      const unheard = await openUnixDatagrams(join(folder, "nobody"));
      expect(unheard("READY=1")).toBe(false);
      expect(openUnixDatagrams(`/${"x".repeat(108)}`)).rejects.toThrow("too long");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

// The compiled file is put to this as well, by `npm run test:binary`.
test.skipIf(!canReceiveDatagrams)(
  `olla serve says when it is ready, that it is alive and that it stops${noDatagrams}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "olla-notify-"));
    try {
      const path = join(folder, "notify");
      await using inbox = await receiveDatagrams(path);
      const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "100000" };
      await using olla = await spawnOlla({ endpoints: [], readiness: "listening" }, undefined, env);
      await waitUntil(() => inbox.texts().filter((text) => text === "WATCHDOG=1").length > 2, {
        what: "the watchdog is fed",
      });
      expect(inbox.texts()[0]).toBe("READY=1");
      expect(inbox.texts()).toContain(`STATUS=Listening on ${olla.url}`);
      // systemd takes messages of the unit's main process only.
      expect(new Set(inbox.messages().map(({ pid }) => pid))).toEqual(new Set([olla.pid]));
      olla.signal("SIGTERM");
      expect(await olla.exited).toBe(0);
      await waitUntil(() => inbox.texts().includes("STOPPING=1\nEXTEND_TIMEOUT_USEC=5500000"), {
        what: "the stop is announced",
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
