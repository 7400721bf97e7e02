import { copyFile, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { completionScripts } from "../../src/cli/completion-scripts.ts";
import { run } from "./run-tool.ts";
import { layOutTree, type PackageRequest, packageVersion, packagingFolder, writeFileOf } from "./tree.ts";

const architectures = { x64: "amd64", arm64: "arm64" } as const;
const maintainer = "The authors of Olla <olla-proxy@users.noreply.github.com>";
/** The oldest C library that Bun's executables run with. */
const libc = "libc6 (>= 2.17)";

/** Makes a package for Debian and its kin with `dpkg-deb`. @returns its path @throws Error where that is missing */
export async function buildDeb(request: PackageRequest): Promise<string> {
  const version = packageVersion(request.version);
  const architecture = architectures[request.cpu];
  const folder = await mkdtemp(join(tmpdir(), "olla-deb-"));
  try {
    for (const file of await documentation(request, version)) await writeFileOf(folder, file);
    await layOutTree(folder, request);
    await writeControl(folder, version, architecture);
    await mkdir(request.outFolder, { recursive: true });
    const file = join(request.outFolder, `olla_${version}_${architecture}.deb`);
    // zstd is smaller and quicker, and dpkg of Debian 11 can't read it.
    const pack = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", folder, file];
    await run(pack, { SOURCE_DATE_EPOCH: String(request.epoch) });
    return file;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function documentation({ epoch }: PackageRequest, version: string) {
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  const changelog = `olla (${version}) unstable; urgency=medium\n\n  * ${packageFile.homepage}/releases\n\n -- ${maintainer}  ${date}\n`;
  const of = (name: string) => Bun.file(join(packagingFolder, "debian", name)).bytes();
  return [
    { path: "/usr/share/doc/olla/copyright", content: await of("copyright") },
    { path: "/usr/share/doc/olla/changelog.gz", content: Bun.gzipSync(Buffer.from(changelog), { level: 9 }) },
    { path: "/usr/share/zsh/vendor-completions/_olla", content: completionScripts.zsh },
    { path: "/usr/share/lintian/overrides/olla", content: await of("lintian-overrides") },
  ];
}

async function writeControl(folder: string, version: string, architecture: string): Promise<void> {
  const control = join(folder, "DEBIAN");
  const fields = [
    "Package: olla",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${await kibibytes(folder)}`,
    `Depends: ${libc}, adduser`,
    "Section: net",
    "Priority: optional",
    `Homepage: ${packageFile.homepage}`,
    "Description: one address in front of all your inference servers",
    " Olla finds the models on Ollama, LM Studio, vLLM, llama.cpp and other servers,",
    " sends each request to a healthy one that has the model, streams the answer,",
    " and goes to the next server when one is down.",
    " .",
    " It listens on localhost until /etc/olla/config.yaml says otherwise.",
  ];
  await Bun.write(join(control, "control"), `${fields.join("\n")}\n`);
  await Bun.write(join(control, "conffiles"), "/etc/olla/config.yaml\n");
  for (const script of ["postinst", "prerm", "postrm"]) {
    await copyFile(join(packagingFolder, "debian", script), join(control, script));
    await run(["chmod", "755", join(control, script)]);
  }
}

async function kibibytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0);
}
