import packageFile from "../../package.json" with { type: "json" };
import { type Target, targets } from "../targets.ts";

/** Names of what a release consists of, and where it can be had. The only place that knows them, beside install.sh. */

/** Also the folder that an archive contains. */
export function archiveStem(version: string, target: Target): string {
  return `olla-${version}-${target.name}`;
}

export function archiveName(version: string, target: Target): string {
  return `${archiveStem(version, target)}${target.system === "windows" ? ".zip" : ".tar.gz"}`;
}

/** Below the project's home page, which `package.json` names. */
export const releasesUrl = `${packageFile.homepage}/releases`;

export function downloadUrl(version: string, fileName: string): string {
  return `${releasesUrl}/download/v${version}/${fileName}`;
}

/** An archive that other installers can refer to. */
export interface PublishedArchive {
  readonly target: Target;
  readonly name: string;
  readonly url: string;
  readonly sha256: string;
}

/** @param checksums of the release's files, by name; archives that are not among them are left out */
export function publishedArchives(
  version: string,
  checksums: ReadonlyMap<string, string>,
): readonly PublishedArchive[] {
  return targets.flatMap((target) => {
    const name = archiveName(version, target);
    const sha256 = checksums.get(name);
    return sha256 === undefined ? [] : [{ target, name, url: downloadUrl(version, name), sha256 }];
  });
}
