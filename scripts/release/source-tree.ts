import { resolve } from "node:path";
import { root } from "../run-command.ts";

/** Runs git in the project. @throws Error with git's own words */
export function git(...args: readonly string[]): string {
  const run = Bun.spawnSync(["git", ...args], { cwd: root });
  if (!run.success) throw new Error(`git ${args.join(" ")}: ${run.stderr.toString().trim()}`);
  return run.stdout.toString().trim();
}

/** @throws Error that names what is not committed */
export function requireCleanTree(): void {
  const changes = git("status", "--porcelain");
  if (changes !== "")
    throw new Error(`Commit or stash first, a release is made of what is committed:\n${changes}`);
}

/** @throws Error when that version has been released */
export function requireFreeTag(version: string): void {
  const tags = git("tag", "--list", `v${version}`);
  if (tags !== "")
    throw new Error(`v${version} has a tag: what was released is never built again under the same version`);
}

/** Writes the version into package.json and commits that, unless it stands there already. */
export async function commitVersion(version: string): Promise<void> {
  const path = resolve(root, "package.json");
  const text = await Bun.file(path).text();
  const changed = text.replace(/^( {2}"version": )".*"/m, `$1"${version}"`);
  if (changed === text) return;
  await Bun.write(path, changed);
  git("commit", "--quiet", "--message", `Olla ${version}`, "package.json");
}

/** When the last commit was made: the time of everything in a release, so that the same commit gives the same bytes. */
export function commitDate(): Date {
  return new Date(Number(git("log", "-1", "--format=%ct")) * 1000);
}
