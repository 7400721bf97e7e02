/** A system that Olla is built for. */
export interface Target {
  /** As Bun names it after `bun-`, and as our files are named. */
  readonly name: string;
  readonly system: "linux" | "darwin" | "windows";
  readonly cpu: "x64" | "arm64";
  /** Which C library, on Linux. */
  readonly libc?: "glibc" | "musl";
}

export const targets: readonly Target[] = [
  { name: "linux-x64", system: "linux", cpu: "x64", libc: "glibc" },
  { name: "linux-x64-musl", system: "linux", cpu: "x64", libc: "musl" },
  { name: "linux-arm64", system: "linux", cpu: "arm64", libc: "glibc" },
  { name: "linux-arm64-musl", system: "linux", cpu: "arm64", libc: "musl" },
  { name: "darwin-x64", system: "darwin", cpu: "x64" },
  { name: "darwin-arm64", system: "darwin", cpu: "arm64" },
  { name: "windows-x64", system: "windows", cpu: "x64" },
  { name: "windows-arm64", system: "windows", cpu: "arm64" },
];

/** @throws Error with the names there are */
export function findTarget(name: string): Target {
  const target = targets.find((candidate) => candidate.name === name);
  if (target !== undefined) return target;
  throw new Error(`No target "${name}". There are: ${targets.map((candidate) => candidate.name).join(", ")}`);
}

/** What the build calls the executable for a target, in `dist/`. */
export function executableName(target: Target): string {
  return `olla-${target.name}${target.system === "windows" ? ".exe" : ""}`;
}

/** The target that this process runs on. @throws Error on a system that Olla is not built for */
export function hostTarget(): Target {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const libc = process.platform === "linux" ? (isMusl() ? "musl" : "glibc") : undefined;
  const target = targets.find(
    (candidate) => candidate.system === system && candidate.cpu === process.arch && candidate.libc === libc,
  );
  if (target === undefined) throw new Error(`Olla is not built for ${process.platform} on ${process.arch}`);
  return target;
}

function isMusl(): boolean {
  const report = process.report.getReport() as {
    readonly header?: { readonly glibcVersionRuntime?: string };
  };
  return report.header?.glibcVersionRuntime === undefined;
}
