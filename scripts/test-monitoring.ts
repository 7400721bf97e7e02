// Runs what needs Prometheus' own tool. Where it is missing, it is taken out of Debian's package, without installing that.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");

async function run(
  command: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return await child.exited;
}

/** @returns the path of promtool, or undefined where this machine has no Debian package of it */
async function unpackPromtool(folder: string): Promise<string | undefined> {
  if (Bun.which("apt-get") === null) return undefined;
  const download = ["apt-get", "download", "prometheus"];
  if ((await run(download, folder)) !== 0) {
    await run(["apt-get", "update", "-qq"], folder);
    if ((await run(download, folder)) !== 0) return undefined;
  }
  const [file] = [...new Bun.Glob("prometheus_*.deb").scanSync(folder)];
  if (file === undefined || (await run(["dpkg-deb", "-x", file, "."], folder)) !== 0) return undefined;
  return join(folder, "usr/bin/promtool");
}

const folder = await mkdtemp(join(tmpdir(), "olla-promtool-"));
try {
  const promtool = Bun.which("promtool") ?? (await unpackPromtool(folder));
  const env = { OLLA_TEST_MONITORING: "1", ...(promtool !== undefined && { OLLA_TEST_PROMTOOL: promtool }) };
  process.exitCode = await run([process.execPath, "test", "./test/monitoring/"], root, env);
} finally {
  await rm(folder, { recursive: true, force: true });
}
