import { buildDeb } from "../packages/deb.ts";
import { buildRpm } from "../packages/rpm.ts";
import type { ExtraFile } from "../packages/tree.ts";
import type { Target } from "../targets.ts";

const kinds = [
  { name: "deb", tool: "dpkg-deb", build: buildDeb },
  { name: "rpm", tool: "rpmbuild", build: buildRpm },
] as const;

/** The programs that are missing here for packages of Linux. */
export function missingPackagers(which: (name: string) => string | null = Bun.which): readonly string[] {
  return kinds.map(({ tool }) => tool).filter((tool) => which(tool) === null);
}

export interface LinuxPackageRequest {
  readonly version: string;
  readonly date: Date;
  readonly target: Target;
  readonly executable: string;
  readonly outFolder: string;
  readonly notices: string;
}

/**
 * Packs an executable for Linux with glibc in each kind that this machine has the program for.
 * @returns the paths of the packages
 */
export async function packForLinux(request: LinuxPackageRequest): Promise<readonly string[]> {
  const { version, date, target, executable, outFolder } = request;
  const notices: ExtraFile = {
    path: "/usr/share/doc/olla/THIRD-PARTY-NOTICES.txt",
    content: request.notices,
  };
  const missing = missingPackagers();
  const files: string[] = [];
  for (const { build } of kinds.filter(({ tool }) => !missing.includes(tool))) {
    const epoch = date.getTime() / 1000;
    files.push(
      await build({ version, cpu: target.cpu, executable, outFolder, epoch, extraFiles: [notices] }),
    );
  }
  return files;
}
