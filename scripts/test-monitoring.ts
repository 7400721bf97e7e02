// Runs what needs Prometheus' own tool. Where it is missing, it is taken out of Debian's package, without installing that.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBun, runCommand } from "./run-command.ts";

/** @returns the path of promtool, or undefined where this machine has no Debian package of it */
async function unpackPromtool(folder: string): Promise<string | undefined> {
  if (Bun.which("apt-get") === null) return undefined;
  const download = ["apt-get", "download", "prometheus"];
  if ((await runCommand(download, { cwd: folder })) !== 0) {
    await runCommand(["apt-get", "update", "-qq"]);
    if ((await runCommand(download, { cwd: folder })) !== 0) return undefined;
  }
  const [file] = [...new Bun.Glob("prometheus_*.deb").scanSync(folder)];
  if (file === undefined || (await runCommand(["dpkg-deb", "-x", file, "."], { cwd: folder })) !== 0)
    return undefined;
  return join(folder, "usr/bin/promtool");
}

const folder = await mkdtemp(join(tmpdir(), "olla-promtool-"));
try {
  const promtool = Bun.which("promtool") ?? (await unpackPromtool(folder));
  const env = { OLLA_TEST_MONITORING: "1", ...(promtool !== undefined && { OLLA_TEST_PROMTOOL: promtool }) };
  process.exitCode = await runBun(["test", "./test/monitoring/"], { env });
} finally {
  await rm(folder, { recursive: true, force: true });
}
