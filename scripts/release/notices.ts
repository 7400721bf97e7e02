import type { BunContents } from "./bun-contents.ts";
import type { BundledPackage } from "./bundled-packages.ts";
import { licenseText } from "./license-texts.ts";

const rule = "=".repeat(100);

/** What is in an Olla that somebody else wrote, with the licenses: goes into every archive. */
export async function renderNotices(packages: readonly BundledPackage[], bun: BunContents): Promise<string> {
  const ids = [...new Set(bun.parts.flatMap((part) => part.licenseIds))].toSorted();
  const texts = await Promise.all(ids.map(async (id) => section(id, await licenseText(id))));
  return [
    "Third-party notices",
    "",
    "Olla's own license is in the file LICENSE. Its executable also contains:",
    "",
    ...packages.map(({ name, version, license }) => `- ${name} ${version} (${license})`),
    `- Bun ${bun.version} (MIT), which contains in turn:`,
    ...bun.parts.flatMap(({ name, license, copyright }) => [
      `  - ${name} (${license})`,
      `    Copyright ${copyright}`,
    ]),
    "",
    ...packages.map(describePackage),
    section(`Bun ${bun.version}: what it says of its licenses`, bun.page),
    rule,
    "The licenses of Bun and what it contains. Whose work each part is stands at the top.",
    "",
    ...texts,
  ].join("\n");
}

function describePackage({ name, version, license, homepage, licenseText }: BundledPackage): string {
  const lines = [`License: ${license}`, ...(homepage === undefined ? [] : [homepage]), "", licenseText];
  return section(`${name} ${version}`, lines.join("\n"));
}

function section(title: string, text: string): string {
  return `${rule}\n${title}\n${rule}\n\n${text}\n`;
}
