import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { renderConfig } from "../support/olla-config.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { serverNameAt } from "../support/tls-client.ts";
import { pairOf, pem, tlsPath } from "../support/tls-files.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const binary = join(import.meta.dir, "../../dist", process.platform === "win32" ? "olla.exe" : "olla");
const isAskedFor = process.env.OLLA_TEST_BINARY === "1";
const reason = isAskedFor ? "" : " (skipped: needs dist/olla, run `npm run test:binary`)";
const command = [binary];

describe.skipIf(!isAskedFor)(`TLS of the compiled file${reason}`, () => {
  test("on both sides, and a renewed certificate within half a minute, until SIGTERM", async () => {
    const folder = await mkdtemp(join(tmpdir(), "olla-tls-"));
    const put = async (name: string) => {
      for (const kind of ["pem", "key"]) {
        await copyFile(tlsPath(`${name}.${kind}`), join(folder, `server.${kind}`));
      }
    };
    try {
      await put("one");
      await using secure = new FakeUpstream({ kind: "vllm" });
      const front = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        tls: pairOf("gpu"),
        fetch: (request) => fetch(secure.url + new URL(request.url).pathname, { method: request.method }),
      });
      await using olla = await spawnOlla(
        {
          endpoints: [
            {
              name: "gpu",
              url: `https://127.0.0.1:${front.port}`,
              type: "vllm",
              tls: { ca: tlsPath("authority.pem"), server_name: "gpu.example" },
            },
          ],
          server: { tls: { cert: join(folder, "server.pem"), key: join(folder, "server.key") } },
        },
        command,
      );
      expect(olla.output()).toContain(`https://127.0.0.1:${olla.port}`);
      const trusting = { ca: pem("authority.pem") };
      expect((await fetch(`${olla.url}/internal/health`, { tls: trusting })).status).toBe(200);
      expect(await serverNameAt(olla.port)).toBe("one");
      await put("two");
      await waitUntil(async () => (await serverNameAt(olla.port).catch(() => "")) === "two", {
        deadlineMs: 45_000,
        what: "the new certificate is shown",
      });
      olla.signal("SIGTERM");
      expect(await within(olla.exited, 5_000, "olla exits")).toBe(0);
      await front.stop(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test.skipIf(process.platform === "win32")(
    "through a Unix socket (not on Windows), which a killed one leaves behind and the next one takes over",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "olla-unix-"));
      const socket = join(folder, "olla.sock");
      const config = join(folder, "olla.yaml");
      await Bun.write(config, renderConfig({ endpoints: [], server: { host: `unix:${socket}` } }, 40_114));
      try {
        for (const end of ["SIGKILL", "SIGTERM"] as const) {
          const child = Bun.spawn([...command, "serve", "-c", config], {
            cwd: folder,
            env: { PATH: process.env.PATH ?? "" },
            stdout: "ignore",
            stderr: "ignore",
          });
          const health = () =>
            fetch("http://localhost/internal/health", { unix: socket, keepalive: false }).then(
              ({ status }) => status === 200,
              () => false,
            );
          expect(await waitUntil(health)).toBe(true);
          child.kill(end);
          await within(child.exited, 5_000, "olla exits");
          expect(existsSync(socket)).toBe(end === "SIGKILL");
        }
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    20_000,
  );

  test("with a key of another certificate does not start, and says which file it is", async () => {
    const server = { tls: { cert: "cert.pem", key: "other.key" } };
    const files = {
      "config.yaml": renderConfig({ endpoints: [], server }, 40_114),
      "cert.pem": pem("one.pem"),
      "other.key": pem("two.key"),
    };
    const { code, stderr } = await runToEnd([], { command, files });
    expect(code).toBe(1);
    expect(stderr).toMatch(/config.yaml:\d+:\d+ {2}server.tls.key: .*another one.*: other.key/);
    expect(stderr).not.toContain("PRIVATE");
  });
});
