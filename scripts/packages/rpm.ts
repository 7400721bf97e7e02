import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { completionScripts } from "../../src/cli/completion-scripts.ts";
import { run } from "./run-tool.ts";
import { layOutTree, type PackageRequest, packageVersion, packagingFolder, writeFileOf } from "./tree.ts";

const architectures = { x64: "x86_64", arm64: "aarch64" } as const;

/** Makes a package for Fedora, openSUSE and their kin with `rpmbuild`. @returns its path @throws Error where that is missing */
export async function buildRpm(request: PackageRequest): Promise<string> {
  const architecture = architectures[request.cpu];
  const folder = await mkdtemp(join(tmpdir(), "olla-rpm-"));
  try {
    const tree = join(folder, "tree");
    const license = await Bun.file(join(packagingFolder, "../LICENSE")).bytes();
    await writeFileOf(tree, { path: "/usr/share/doc/olla/LICENSE", content: license });
    await writeFileOf(tree, {
      path: "/usr/share/zsh/site-functions/_olla",
      content: completionScripts.zsh,
    });
    await layOutTree(tree, request);
    const macros = {
      _topdir: join(folder, "build"),
      olla_tree: tree,
      olla_version: packageVersion(request.version),
      olla_homepage: packageFile.homepage,
    };
    const definitions = Object.entries(macros).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
    const pack = ["rpmbuild", "-bb", "--target", `${architecture}-linux`, ...definitions];
    await run([...pack, join(packagingFolder, "olla.spec")], { SOURCE_DATE_EPOCH: String(request.epoch) });
    const [built] = [...new Bun.Glob("build/RPMS/*/*.rpm").scanSync(folder)];
    if (built === undefined) throw new Error("rpmbuild made no package");
    await mkdir(request.outFolder, { recursive: true });
    const file = join(request.outFolder, basename(built));
    await copyFile(join(folder, built), file);
    return file;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
