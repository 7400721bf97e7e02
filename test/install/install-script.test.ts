import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type ArchiveFile, tarGzip } from "../../scripts/release/archive.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { spawnOlla } from "../support/spawn-olla.ts";
import { within } from "../support/wait-until.ts";
import { isAskedFor, reason } from "./support/asked-for.ts";
import { inodeOf, Newcomer } from "./support/newcomer.ts";
import {
  listChecksum,
  packedArchive,
  packedVersion,
  ReleaseServer,
  readPackedArchive,
} from "./support/release-server.ts";

const shells = [["sh"], ["dash"], ["bash"], ["busybox", "ash"], ["zsh"], ["mksh"]];
/** What install.sh calls, without what downloads and what makes checksums. */
const plainTools = "sh id uname mktemp rm cp mv chmod mkdir rmdir tar gzip grep sed cat ls ldd getconf".split(
  " ",
);
const limitMs = 60_000;
const stem = packedArchive.replace(".tar.gz", "");
const installed = [
  ".local",
  ".local/bin",
  ".local/bin/olla",
  ".local/share",
  ".local/share/bash-completion",
  ".local/share/bash-completion/completions",
  ".local/share/bash-completion/completions/olla",
  ".local/share/fish",
  ".local/share/fish/vendor_completions.d",
  ".local/share/fish/vendor_completions.d/olla.fish",
  ".local/share/olla",
  ".local/share/olla/LICENSE",
  ".local/share/olla/README.md",
  ".local/share/olla/THIRD-PARTY-NOTICES.txt",
  ".local/share/olla/config.example.yaml",
  ".local/share/olla/installed-files",
  ".local/share/zsh",
  ".local/share/zsh/site-functions",
  ".local/share/zsh/site-functions/_olla",
];

describe.skipIf(!isAskedFor)(`install.sh${reason}`, () => {
  for (const shell of shells) {
    const name = shell.join(" ");
    const isHere = Bun.which(shell[0] ?? "") !== null;
    test.skipIf(!isHere)(
      `installs for one user and takes it away again, in ${name}${isHere ? "" : " (skipped: not on this machine)"}`,
      async () => {
        await using server = new ReleaseServer();
        await using newcomer = await Newcomer.arrive();
        const run = await newcomer.install([], { baseUrl: server.url, shell });
        expect([run.code, run.stderr]).toEqual([0, ""]);
        expect(run.stdout).toContain(`Installed Olla ${packedVersion} as ${newcomer.program}`);
        expect(run.stdout).toContain(`export PATH="${newcomer.home}/.local/bin:$PATH"`);
        expect(run.stdout).not.toMatch(/Replacing|next start/);
        expect(newcomer.files()).toEqual(installed);
        const version = await newcomer.run(["olla", "version"], {
          PATH: `${newcomer.home}/.local/bin:${process.env.PATH}`,
        });
        expect(version.stdout).toStartWith(`olla ${packedVersion}\n`);

        const removal = await newcomer.install(["--uninstall"], { shell });
        expect([removal.code, removal.stderr]).toEqual([0, ""]);
        expect(newcomer.files().filter((path) => path.includes("olla"))).toEqual([]);
      },
      limitMs,
    );
  }

  test(
    "replaces a program that runs, which goes on with what it does",
    async () => {
      await using server = new ReleaseServer();
      await using upstream = new FakeUpstream();
      await using newcomer = await Newcomer.arrive();
      await newcomer.install([], { baseUrl: server.url });
      const before = await inodeOf(newcomer.program);
      await using olla = await spawnOlla({ endpoints: [{ name: "one", url: upstream.url }] }, [
        newcomer.program,
      ]);
      const upgrade = await newcomer.install(["--version", `v${packedVersion}`], { baseUrl: server.url });
      expect([upgrade.code, upgrade.stderr]).toEqual([0, ""]);
      expect(upgrade.stdout).toContain("An Olla that runs goes on, and is the new one after its next start");
      expect(await inodeOf(newcomer.program)).not.toBe(before);
      expect((await fetch(`${olla.url}/internal/health`)).status).toBe(200);
      olla.signal("SIGTERM");
      expect(await within(olla.exited, 5_000, "olla exits")).toBe(0);
      expect(newcomer.files()).toEqual(installed);
    },
    limitMs,
  );

  test(
    "says so when it replaces a program from elsewhere, and when another one comes first",
    async () => {
      await using server = new ReleaseServer();
      await using newcomer = await Newcomer.arrive();
      await newcomer.write(".local/bin/olla", "from elsewhere");
      const first = await newcomer.write("first/olla", "#!/bin/sh\n", "755");
      const path = `${newcomer.home}/first:${newcomer.home}/.local/bin:${process.env.PATH}`;
      const run = await newcomer.install([], { baseUrl: server.url, env: { PATH: path } });
      expect([run.code, run.stderr]).toEqual([0, ""]);
      expect(run.stdout).toContain(`Replacing a ${newcomer.program} that did not come from this script`);
      expect(run.stdout).toContain(`Another one comes first in your PATH: ${first}`);
    },
    limitMs,
  );

  test("installs nothing whose checksum is not the one in the list", async () => {
    const archive = await readPackedArchive();
    archive[1000] = (archive[1000] ?? 0) ^ 1;
    await using server = new ReleaseServer({ [packedArchive]: archive });
    await using newcomer = await Newcomer.arrive();
    const run = await newcomer.install([], { baseUrl: server.url });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/is not what was released: its checksum is\n.*[0-9a-f]{64}.*\n.*[0-9a-f]{64}/);
    expect(run.stderr).toContain("Nothing was installed");
    expect(newcomer.files().filter((path) => path.includes("olla/") || path.endsWith("bin/olla"))).toEqual(
      [],
    );
  });

  test("leaves the program that is there when the new one does not run", async () => {
    const files: readonly ArchiveFile[] = [
      {
        path: `${stem}/olla`,
        bytes: new TextEncoder().encode("#!/bin/sh\necho 'needs a newer system' >&2\nexit 1\n"),
        isExecutable: true,
      },
    ];
    const archive = tarGzip(files, { date: new Date(0) });
    await using server = new ReleaseServer({
      [packedArchive]: archive,
      ...listChecksum(packedArchive, archive),
    });
    await using newcomer = await Newcomer.arrive();
    await newcomer.write(".local/bin/olla", "the one before");
    const run = await newcomer.install([], { baseUrl: server.url });
    expect([run.code, run.stdout.includes("Installed")]).toEqual([1, false]);
    expect(run.stderr).toContain("needs a newer system");
    expect(run.stderr).toContain("Olla does not run here, see above. Nothing was installed");
    expect(newcomer.files().filter((path) => path.startsWith(".local/bin/"))).toEqual([".local/bin/olla"]);
    expect(await Bun.file(newcomer.program).text()).toBe("the one before");
  });

  test("says when there is no such version, and no such server", async () => {
    await using server = new ReleaseServer();
    await using newcomer = await Newcomer.arrive();
    const missing = await newcomer.install(["--version=9.9.9"], { baseUrl: server.url });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("/download/v9.9.9/SHA256SUMS. Is there a version 9.9.9?");
    const fromVariable = await newcomer.install([], { baseUrl: server.url, env: { OLLA_VERSION: "9.9.8" } });
    expect(fromVariable.stderr).toContain("Is there a version 9.9.8?");
    const odd = await newcomer.install(["--version", "../x"], { baseUrl: server.url });
    expect(odd.stderr).toContain('"../x" is no version');
    const unreachable = await newcomer.install([]);
    expect([
      unreachable.code,
      unreachable.stderr.includes("could not read http://127.0.0.1:1/latest/"),
    ]).toEqual([1, true]);
    expect(newcomer.files()).toEqual([]);
  });

  test("works with wget and openssl in the place of curl and sha256sum", async () => {
    await using server = new ReleaseServer();
    await using newcomer = await Newcomer.arrive();
    const tools = await newcomer.folderOfTools([...plainTools, "wget", "openssl"]);
    const run = await newcomer.install([], {
      baseUrl: server.url,
      env: { PATH: tools },
      shell: [`${tools}/sh`],
    });
    expect([run.code, run.stderr]).toEqual([0, ""]);
    expect((await newcomer.run([newcomer.program, "--version"])).code).toBe(0);
  });

  test("wants something to download with, and something to verify with", async () => {
    for (const [tools, complaint] of [
      [[...plainTools, "sha256sum"], "needs curl or wget"],
      [[...plainTools, "wget"], "needs sha256sum, shasum or openssl"],
    ] as const) {
      await using newcomer = await Newcomer.arrive();
      const path = await newcomer.folderOfTools(tools);
      const run = await newcomer.install([], { env: { PATH: path }, shell: [`${path}/sh`] });
      expect([run.code, run.stderr.includes(complaint)]).toEqual([1, true]);
    }
  });

  test("does not write where it may not, and says what to do", async () => {
    await using server = new ReleaseServer();
    await using newcomer = await Newcomer.arrive();
    const run = await newcomer.install(["--prefix", "/proc"], { baseUrl: server.url });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(
      "may not write to /proc: run this as root, or leave out --system and --prefix",
    );
    expect(server.requests).toEqual(["/latest/download/SHA256SUMS"]);
  });

  test("removes only what it installed", async () => {
    await using server = new ReleaseServer();
    await using newcomer = await Newcomer.arrive();
    await newcomer.install([], { baseUrl: server.url });
    await newcomer.write(".local/share/olla/olla.db", "requests");
    await newcomer.write(".config/olla/config.yaml", "{}");
    const rehearsal = await newcomer.install(["--uninstall", "--dry-run"]);
    expect(rehearsal.stdout).toContain(`Would remove ${newcomer.program}\n`);
    const files = newcomer.files();
    expect(files).toContain(".local/bin/olla");
    const removal = await newcomer.install(["--uninstall"]);
    expect(removal.stdout).toContain("Configurations, logs and databases are left where they are");
    const gone = files.filter((file) => !newcomer.files().includes(file));
    expect(gone).toEqual(installed.filter((file) => file.includes("olla") && file !== ".local/share/olla"));
  });

  test("removes nothing that came from elsewhere", async () => {
    await using newcomer = await Newcomer.arrive();
    await newcomer.write(".local/bin/olla", "from a package");
    const run = await newcomer.install(["--uninstall"]);
    expect([run.code, run.stderr.includes("was installed by this script")]).toEqual([1, true]);
    expect(newcomer.files()).toContain(".local/bin/olla");
  });

  test("does nothing when its download breaks off, wherever that is", async () => {
    await using server = new ReleaseServer();
    await using newcomer = await Newcomer.arrive();
    const whole = (await Bun.file(join(import.meta.dir, "../../install.sh")).text()).trimEnd();
    const ends = Array.from({ length: 20 }, (_none, index) => whole.length - 1 - index);
    const cuts = Array.from({ length: 20 }, (_none, index) => Math.floor((whole.length * index) / 20));
    for (const cut of [...ends, ...cuts]) {
      await newcomer.install([], { baseUrl: server.url, script: whole.slice(0, cut) });
    }
    expect([server.requests, newcomer.files()]).toEqual([[], []]);
  });

  test("names an option that it does not know, and what --help shows", async () => {
    await using newcomer = await Newcomer.arrive();
    const wrong = await newcomer.install(["--prefx", "x"]);
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      "install.sh: unknown option --prefx; --help shows what there is\n",
    ]);
    const help = await newcomer.install(["--help"]);
    for (const option of ["--version", "--prefix", "--system", "--uninstall", "--dry-run", "OLLA_BASE_URL"]) {
      expect(help.stdout).toContain(option);
    }
  });

  const shellcheck = Bun.which("shellcheck");
  test.skipIf(shellcheck === null)(
    `has no complaints from shellcheck${shellcheck === null ? " (skipped: not on this machine)" : ""}`,
    () => {
      const { stdout } = Bun.spawnSync(["shellcheck", join(import.meta.dir, "../../install.sh")]);
      expect(stdout.toString()).toBe("");
    },
  );
});
