import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };

const root = join(import.meta.dir, "../..");
/** What the release needs before it builds anything. */
const parts = ["package.json", "CHANGELOG.md", "scripts", "src", "profiles", "packaging", "test/support"];

describe("npm run release", () => {
  let copy: string;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), "olla-release-"));
    for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true });
    await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
    git("init", "--quiet");
    git("config", "user.name", "A");
    git("config", "user.email", "a@example.com");
    await Bun.write(join(copy, ".git/info/exclude"), "node_modules\nbin\n");
    git("add", ".");
    git("commit", "--quiet", "--message", "as it is");
  });

  afterAll(async () => {
    await rm(copy, { recursive: true, force: true });
  });

  function git(...args: string[]): string {
    const { success, stdout, stderr } = Bun.spawnSync(["git", ...args], { cwd: copy });
    if (!success) throw new Error(stderr.toString());
    return stdout.toString().trim();
  }

  /** @returns exit code and what was written to stderr */
  function release(args: readonly string[], path = process.env.PATH): readonly [number, string] {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, "scripts/release/release.ts", ...args], {
      cwd: copy,
      env: { ...process.env, PATH: path },
    });
    return [exitCode, stderr.toString()];
  }

  const misuses: readonly (readonly [string[], string])[] = [
    [[], "Which version?"],
    [["0.1.0", "0.2.0"], "Which version?"],
    [["next"], '"next" is no version'],
    [["0.1.0", "--target", "linux-x64"], "A release has all targets"],
    [["0.1.0", "--no-packages"], "A release has all targets and packages"],
    [["--snapshot", "0.1.0"], "A snapshot has the version of package.json"],
    [["--snapshot", "--target", "beos"], 'No target "beos". There are: linux-x64,'],
    [["--snapshto"], "--snapshto"],
  ];
  test.each(misuses)("refuses %j", (args, complaint) => {
    const [code, stderr] = release(args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(complaint)]);
  });

  test("refuses a tree with changes, naming them", async () => {
    await Bun.write(join(copy, "stray.txt"), "");
    const [code, stderr] = release([packageFile.version]);
    await rm(join(copy, "stray.txt"));
    expect([code, stderr]).toEqual([1, expect.stringContaining("?? stray.txt")]);
  });

  test("refuses a version without an entry in the changelog", () => {
    const [code, stderr] = release(["987.0.0"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("no entry for 987.0.0")]);
  });

  test("refuses where nothing signs for macOS", async () => {
    // With git, which it needs to get that far, and nothing else.
    const bin = join(copy, "bin");
    await Bun.write(join(bin, "git"), `#!/bin/sh\nexec ${Bun.which("git")} "$@"\n`);
    await chmod(join(bin, "git"), 0o755);
    const [code, stderr] = release([packageFile.version], bin);
    expect([code, stderr]).toEqual([1, expect.stringContaining("install rcodesign")]);
  });

  test("refuses where nothing makes packages for Linux", async () => {
    const bin = join(copy, "bin");
    await Bun.write(join(bin, "rcodesign"), "#!/bin/sh\n");
    await chmod(join(bin, "rcodesign"), 0o755);
    const [code, stderr] = release([packageFile.version], bin);
    expect([code, stderr]).toEqual([1, expect.stringContaining("need dpkg-deb and rpmbuild")]);
  });

  test("refuses a version that has a tag", () => {
    git("tag", `v${packageFile.version}`);
    const [code, stderr] = release([packageFile.version]);
    git("tag", "--delete", `v${packageFile.version}`);
    expect([code, stderr]).toEqual([1, expect.stringContaining("has a tag")]);
  });

  test("has changed nothing by all that", () => {
    expect([git("status", "--porcelain"), git("log", "--format=%s"), git("tag")]).toEqual([
      "",
      "as it is",
      "",
    ]);
  });

  test("commits the version into package.json, once", async () => {
    const script = `
      import { commitVersion } from ${JSON.stringify(join(copy, "scripts/release/source-tree.ts"))};
      await commitVersion("12.3.4");
      await commitVersion("12.3.4");`;
    Bun.spawnSync([process.execPath, "-e", script]);
    expect(git("log", "--format=%s")).toBe("Olla 12.3.4\nas it is");
    expect(await Bun.file(join(copy, "package.json")).json()).toEqual({ ...packageFile, version: "12.3.4" });
    expect(git("status", "--porcelain")).toBe("");
  });
});
