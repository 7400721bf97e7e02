import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { completionScripts } from "../../src/cli/completion-scripts.ts";
import { renderSystemdUnit } from "../../src/cli/daemon/systemd-unit.ts";
import { run } from "./run-tool.ts";

/** Files that only a package needs. */
export const packagingFolder = resolve(import.meta.dir, "../../packaging");

/** A file of a package beside the executable, the unit and the configuration. */
export interface ExtraFile {
  /** Where it goes, from the root. */
  readonly path: string;
  readonly content: string | Uint8Array;
}

export interface PackageRequest {
  /** As in `package.json`. */
  readonly version: string;
  readonly cpu: "x64" | "arm64";
  /** Built for Linux with glibc. */
  readonly executable: string;
  /** The package goes here; made where it is not there. */
  readonly outFolder: string;
  /** Seconds since the epoch, of the commit: the same source makes the same bytes. */
  readonly epoch: number;
  /** Notices and the like. */
  readonly extraFiles?: readonly ExtraFile[];
}

/** Writes what every package has, as it will lie on the machine, into a folder. */
export async function layOutTree(root: string, request: PackageRequest): Promise<void> {
  const unit = renderSystemdUnit({
    executable: "/usr/bin/olla",
    configPath: "/etc/olla/config.yaml",
    isForMachine: true,
    user: { name: "olla" },
    needsLowPort: false,
    configGroup: undefined,
  });
  await writeFileOf(root, { path: "/usr/lib/systemd/system/olla.service", content: unit });
  const config = await Bun.file(join(packagingFolder, "config.yaml")).bytes();
  await writeFileOf(root, { path: "/etc/olla/config.yaml", content: config });
  await writeFileOf(root, {
    path: "/usr/share/bash-completion/completions/olla",
    content: completionScripts.bash,
  });
  await writeFileOf(root, {
    path: "/usr/share/fish/vendor_completions.d/olla.fish",
    content: completionScripts.fish,
  });
  for (const file of request.extraFiles ?? []) await writeFileOf(root, file);
  const executable = join(root, "usr/bin/olla");
  await mkdir(dirname(executable), { recursive: true });
  await copyFile(request.executable, executable);
  await setModes(root);
}

export async function writeFileOf(root: string, { path, content }: ExtraFile): Promise<void> {
  await Bun.write(join(root, path), content);
}

/** Whatever the umask of the one who builds: everybody may read, nobody but root may write. */
async function setModes(root: string): Promise<void> {
  await run(["chmod", "-R", "u=rwX,go=rX", root]);
  await run(["chmod", "755", join(root, "usr/bin/olla")]);
}

/** A `-` would end the version: what comes before a release is sorted before it by `~`. */
export function packageVersion(version: string): string {
  return version.replaceAll("-", "~");
}
