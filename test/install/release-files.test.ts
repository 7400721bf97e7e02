import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { isAskedFor, reason } from "./support/asked-for.ts";
import { packedArchive } from "./support/release-server.ts";

const folder = join(import.meta.dir, "../../dist/release");

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString();
}

describe.skipIf(!isAskedFor)(`what was packed${reason}`, () => {
  test("has one folder with the program and the texts, for the system's own tar", () => {
    const stem = packedArchive.replace(".tar.gz", "");
    const texts = ["LICENSE", "README.md", "THIRD-PARTY-NOTICES.txt"];
    const completions = ["_olla", "olla.bash", "olla.fish"].map((name) => `completions/${name}`);
    const names = [...texts, ...completions, "config.example.yaml", "olla"];
    const list = run("tar", "-tvzf", packedArchive).trim().split("\n");
    expect(list.map((line) => line.split(" ").at(-1))).toEqual(names.map((name) => `${stem}/${name}`));
    expect(list.map((line) => line.slice(0, 10))).toEqual([...Array(7).fill("-rw-r--r--"), "-rwxr-xr-x"]);
  });

  test("is what the list of checksums says, with nothing left out", () => {
    const files = [...new Bun.Glob("*").scanSync(folder)].filter((name) => name !== "SHA256SUMS").toSorted();
    const checks = run("sha256sum", "-c", "SHA256SUMS").trim().split("\n");
    expect(checks).toEqual(files.map((name) => `${name}: OK`));
    expect(files).toContain("install.sh");
  });
});
