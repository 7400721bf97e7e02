/** Versions as npm and git tags have them: 1.2.3, or 1.2.3-rc.1. */
export const versionPattern = /^\d+\.\d+\.\d+(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$/;

/**
 * Finds what a changelog says of a version, in the form of keepachangelog.com: `## [1.2.3] - 2026-11-28` and what
 * follows.
 * @returns the text under the heading
 * @throws Error when there is no such heading, no date in it, or nothing under it
 */
export function readChangelogEntry(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`));
  const heading = `## [${version}] - YYYY-MM-DD`;
  if (section === undefined) throw new Error(`CHANGELOG.md has no entry for ${version}: add "${heading}"`);
  const [title = "", ...lines] = section.split("\n");
  if (!/ - \d{4}-\d\d-\d\d$/.test(title.trim())) {
    throw new Error(`CHANGELOG.md has "## ${title}" where "${heading}" is expected`);
  }
  const text = lines.join("\n").trim();
  if (!/^- \S/m.test(text)) throw new Error(`CHANGELOG.md says nothing about ${version} under its heading`);
  return text;
}
