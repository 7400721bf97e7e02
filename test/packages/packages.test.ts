// Packages as their own tools see them, and the whole life of one on this machine where that is asked for.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildDeb } from "../../scripts/packages/deb.ts";
import { buildRpm } from "../../scripts/packages/rpm.ts";
import type { PackageRequest } from "../../scripts/packages/tree.ts";
import { loadConfig } from "../../src/config/load.ts";
import { findFreePort } from "../support/free-port.ts";
import { runTool } from "../support/run-tool.ts";
import { waitUntil } from "../support/wait-until.ts";

const isAskedFor = process.env.OLLA_TEST_PACKAGES !== undefined;
const mayInstall = process.env.OLLA_TEST_PACKAGES === "install" && process.getuid?.() === 0;
const root = resolve(import.meta.dir, "../..");
const cpu = process.arch === "arm64" ? "arm64" : "x64";

function whyNot(...tools: readonly string[]): string {
  if (!isAskedFor) return " (skipped: run `npm run test:packages`)";
  const missing = tools.filter((tool) => Bun.which(tool) === null);
  return missing.length === 0 ? "" : ` (skipped: needs ${missing.join(", ")})`;
}

let folder = "";
let request: PackageRequest;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-packages-"));
  // What is packed does not matter here, and packing Olla takes a minute.
  request = { version: "0.0.1-rc.1", cpu, executable: "/bin/true", outFolder: folder, epoch: 1_700_000_000 };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(...command: readonly string[]): Promise<string> {
  const { code, out, err } = await runTool(command);
  if (code !== 0) throw new Error(`${command.join(" ")} failed with ${code}: ${out}${err}`);
  return out;
}

test("the configuration that packages bring is right, and lets nobody in from outside", async () => {
  const path = join(root, "packaging/config.yaml");
  const { config, problems } = await loadConfig({ path, env: {}, cwd: root });
  expect(problems).toEqual([]);
  expect([config?.server.host, config?.server.port]).toEqual(["localhost", 40114]);
});

test("what it shows in comments is right as well", async () => {
  const text = await Bun.file(join(root, "packaging/config.yaml")).text();
  const uncommented = text.replace(/^# ((?: *[a-z_]+:.*)|(?: +- .*))$/gm, "$1");
  const { config, problems } = await loadConfig({
    path: "x",
    env: {},
    cwd: root,
    readFile: async () => uncommented,
  });
  expect(problems).toEqual([]);
  expect([config?.discovery.static.endpoints?.length, config?.request_log.enabled]).toEqual([2, true]);
});

const noDeb = whyNot("dpkg-deb");
describe.skipIf(noDeb !== "")(`.deb${noDeb}`, () => {
  test("has the executable, the unit and a configuration that updates leave alone", async () => {
    const file = await buildDeb({
      ...request,
      extraFiles: [{ path: "/usr/share/doc/olla/extra", content: "x" }],
    });
    expect(file).toEndWith(`olla_0.0.1~rc.1_${cpu === "x64" ? "amd64" : "arm64"}.deb`);
    const listing = await read("dpkg-deb", "-c", file);
    expect(listing).toMatch(/^-rwxr-xr-x root\/root .* \.\/usr\/bin\/olla$/m);
    expect(listing).toMatch(/^-rw-r--r-- root\/root .* \.\/usr\/lib\/systemd\/system\/olla\.service$/m);
    expect(listing).toContain("./usr/share/doc/olla/extra");
    const control = join(folder, "control");
    await read("dpkg-deb", "-e", file, control);
    expect(await Bun.file(join(control, "conffiles")).text()).toBe("/etc/olla/config.yaml\n");
    expect(Number(await read("dpkg-deb", "-f", file, "Installed-Size"))).toBeGreaterThan(10);
    const unit = join(folder, "unpacked/usr/lib/systemd/system/olla.service");
    await read("dpkg-deb", "-x", file, join(folder, "unpacked"));
    const text = await Bun.file(unit).text();
    expect(text).toContain("ExecStart=/usr/bin/olla serve --config /etc/olla/config.yaml\n");
    expect(text).toContain("User=olla\n");
    expect(text).not.toContain("DynamicUser");
  });

  test("is the same, byte for byte, from the same source", async () => {
    const [one, other] = [join(folder, "one"), join(folder, "other")];
    const files = [
      await buildDeb({ ...request, outFolder: one }),
      await buildDeb({ ...request, outFolder: other }),
    ];
    const [first, second] = await Promise.all(files.map((file) => Bun.file(file).bytes()));
    expect(Buffer.from(first ?? []).equals(Buffer.from(second ?? []))).toBe(true);
  });

  test("without an executable there is no package", async () => {
    await expect(buildDeb({ ...request, executable: join(folder, "gone") })).rejects.toThrow("ENOENT");
  });

  const noLintian = whyNot("lintian");
  test.skipIf(noLintian !== "")(
    `has no errors for lintian${noLintian}`,
    async () => {
      const { code, out } = await runTool(["lintian", "--fail-on", "error", await buildDeb(request)]);
      const errors = out.split("\n").filter((line) => line.startsWith("E:"));
      expect({ code, errors }).toEqual({ code: 0, errors: [] });
    },
    // It is a thousand checks in Perl.
    60_000,
  );
});

const noRpm = whyNot("rpmbuild", "rpm");
describe.skipIf(noRpm !== "")(`.rpm${noRpm}`, () => {
  test("has the same files, for both processors", async () => {
    for (const [processor, name] of [
      ["x64", "x86_64"],
      ["arm64", "aarch64"],
    ] as const) {
      const file = await buildRpm({ ...request, cpu: processor });
      expect(file).toEndWith(`olla-0.0.1~rc.1-1.${name}.rpm`);
      const files = (await read("rpm", "-qpl", file)).trim().split("\n");
      expect(files).toContain("/usr/bin/olla");
      expect(files).toContain("/usr/lib/systemd/system/olla.service");
      expect(await read("rpm", "-qpc", file)).toBe("/etc/olla/config.yaml\n");
      const owners = await read(
        "rpm",
        "-qp",
        "--queryformat",
        "[%{FILENAMES} %{FILEMODES:perms} %{FILEGROUPNAME}\n]",
        file,
      );
      expect(owners).toContain("/etc/olla/config.yaml -rw-r----- olla\n");
    }
  });
});

const noLife = whyNot("dpkg") || (mayInstall ? "" : " (skipped: needs root and OLLA_TEST_PACKAGES=install)");
describe.skipIf(noLife !== "")(`the life of a .deb on this machine${noLife}`, () => {
  const config = "/etc/olla/config.yaml";
  const status = async () => {
    const lines = (await runTool(["dpkg-query", "--status", "olla"])).out;
    return ["Status", "Version"].map((field) => new RegExp(`^${field}: (.*)$`, "m").exec(lines)?.[1]);
  };

  test("it is installed, edited, updated, run, removed and purged", async () => {
    // Somebody's own Olla is not for tests to purge.
    expect(await status()).toEqual([undefined, undefined]);
    try {
      await liveThrough();
    } finally {
      await runTool(["dpkg", "--purge", "olla"]);
    }
  }, 180_000);

  async function liveThrough(): Promise<void> {
    await read("dpkg", "-i", await buildDeb(request));
    expect(await status()).toEqual(["install ok installed", "0.0.1~rc.1"]);
    expect(await read("stat", "-c", "%a %U %G", config)).toBe("640 root olla\n");
    await appendFile(config, "# edited\n");
    await read("chmod", "600", config);

    const executable = join(root, `dist/olla-linux-${cpu}`);
    await read("dpkg", "-i", await buildDeb({ ...request, version: "0.0.1", executable }));
    expect(await status()).toEqual(["install ok installed", "0.0.1"]);
    expect(await Bun.file(config).text()).toEndWith("# edited\n");
    expect(await read("stat", "-c", "%a", config)).toBe("600\n");
    await read("chmod", "640", config);

    await runAsItsUser(config);

    await read("dpkg", "--remove", "olla");
    expect(await Bun.file("/usr/bin/olla").exists()).toBe(false);
    expect(await Bun.file(config).exists()).toBe(true);
    await read("dpkg", "--purge", "olla");
    expect((await runTool(["ls", "-d", "/etc/olla", "/var/lib/olla"])).out).toBe("");
  }

  /** As the unit would start it: its user, no capabilities, a folder of its own. */
  async function runAsItsUser(file: string): Promise<void> {
    const state = join(folder, "state");
    await read("install", "-d", "-o", "olla", "-g", "olla", "-m", "750", state);
    await read("chmod", "755", folder);
    const port = String(findFreePort());
    const user = ["setpriv", "--reuid", "olla", "--regid", "olla", "--init-groups", "--no-new-privs"];
    const env = { PATH: process.env.PATH ?? "", OLLA_SERVER_PORT: port, OLLA_REQUEST_LOG_ENABLED: "true" };
    const child = Bun.spawn([...user, "--bounding-set=-all", "/usr/bin/olla", "serve", "--config", file], {
      cwd: state,
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      const ask = ["/usr/bin/olla", "health", "--url", `localhost:${port}`];
      await waitUntil(async () => (await runTool(ask)).code === 0, {
        deadlineMs: 15_000,
        what: "Olla is healthy",
      });
      expect(await Bun.file(join(state, "olla.db")).exists()).toBe(true);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await child.exited).toBe(0);
  }
});
