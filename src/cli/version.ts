import type { BuildIdentity } from "../lib/build-identity.ts";

/** One line that scripts can read, then what a bug report needs. */
export function describeVersion(build: BuildIdentity): string {
  const rows = [
    ["commit", build.commit],
    ["built", build.date],
    ["with", `Bun ${Bun.version}`],
    ["for", `${process.platform} ${process.arch}`],
  ] as const;
  const details = rows.map(([label, value]) => `  ${label.padEnd(8)}${value}\n`);
  return `olla ${build.version}\n${details.join("")}`;
}
