import { resolve } from "node:path";
import bunPackage from "../../node_modules/bun/package.json" with { type: "json" };
import { bunCopyrights } from "./bun-copyrights.ts";

/** A library that Bun's runtime, and so our executable, contains. */
export interface BunPart {
  readonly name: string;
  readonly homepage: string;
  /** In the words of Bun's page. */
  readonly license: string;
  /** What stands in the list of SPDX for that. Where there is a choice, the one that we take. */
  readonly licenseIds: readonly string[];
  /** Whose work it is, as a notice of copyright names them. */
  readonly copyright: string;
}

export interface BunContents {
  readonly version: string;
  readonly parts: readonly BunPart[];
  /** Bun's own page about its licenses, in Markdown. */
  readonly page: string;
}

/** From the words of Bun's page, without links and what is said of single files, to SPDX. */
const idsByWords: Readonly<Record<string, readonly string[]>> = {
  MIT: ["MIT"],
  "MIT licensed": ["MIT"],
  "MIT (bundled xxhash is BSD 2-Clause)": ["MIT", "BSD-2-Clause"],
  "MIT (portions derived from Chromium proto-quic, BSD 3-Clause)": ["MIT", "BSD-3-Clause"],
  "BSD 2-Clause": ["BSD-2-Clause"],
  "BSD 2-Clause (portions derived from libpng, PNG Reference Library License v2)": [
    "BSD-2-Clause",
    "libpng-2.0",
  ],
  "BSD 3-Clause": ["BSD-3-Clause"],
  "BSD 3-Clause / IJG / zlib": ["BSD-3-Clause", "IJG", "Zlib"],
  "Apache 2.0": ["Apache-2.0"],
  "Apache 2.0 licensed": ["Apache-2.0"],
  "LGPL v2.1": ["LGPL-2.1-only"],
  zlib: ["Zlib"],
  "ICU license": ["Unicode-3.0", "ICU"],
  "public domain": ["blessing"],
  "dual-licensed under the Perl License or the MIT License": ["MIT"],
  "dual-licensed under the BSD License or GPLv2 license": ["BSD-3-Clause"],
  "dual-licensed under CC0 1.0 or the BSD 2-Clause License": ["BSD-2-Clause"],
};

/** Libraries whose license the page calls "several licenses". */
const idsOfSeveral: Readonly<Record<string, readonly string[]>> = {
  boringssl: ["Apache-2.0", "OpenSSL", "ISC", "MIT", "BSD-3-Clause"],
  libarchive: ["BSD-2-Clause", "BSD-3-Clause"],
};

/** The page speaks of it in prose, ahead of its tables. */
const webKit = {
  name: "JavaScriptCore",
  homepage: "https://github.com/oven-sh/WebKit",
  license: "LGPL-2",
  licenseIds: ["LGPL-2.0-only"],
};

const folder = resolve(import.meta.dir, "../../node_modules/bun-types");

/**
 * Reads what Bun says of itself, in the documentation that `bun-types` brings.
 * @throws Error when that is for another version, or names a license or a library that is new to us
 */
export async function readBunContents(): Promise<BunContents> {
  const { version }: { readonly version: string } = await Bun.file(`${folder}/package.json`).json();
  if (version !== bunPackage.version) {
    throw new Error(`bun-types is ${version} and bun is ${bunPackage.version}: pin both to the same version`);
  }
  const page = await Bun.file(`${folder}/docs/project/license.mdx`).text();
  return { version, parts: parseBunParts(page), page: page.replace(/^---\n[\s\S]*?\n---\n/, "").trim() };
}

/** @param page Markdown with tables of `| library | license |` */
export function parseBunParts(page: string): readonly BunPart[] {
  const rows = [...page.matchAll(/^\| ([^|]*\]\([^|]+?) +\| ([^|]+?) +\|$/gm)];
  if (rows.length === 0) throw new Error("Bun's page about its licenses has no table of libraries");
  return [webKit, ...rows.map(([, library = "", license = ""]) => parseRow(library, license))].map((part) => {
    const copyright = bunCopyrights[part.name];
    if (copyright !== undefined) return { ...part, copyright };
    throw new Error(`Bun contains ${part.name}: say whose it is in scripts/release/bun-copyrights.ts`);
  });
}

function parseRow(library: string, license: string): Omit<BunPart, "copyright"> {
  const link = /\[`?([^\]`]+)`?\]\((\S+?)\)/.exec(library);
  const [, name, homepage] = link ?? [];
  if (name === undefined || homepage === undefined) throw new Error(`No name and link in "${library}"`);
  const words = license.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1");
  const licenseIds = words === "several licenses" ? idsOfSeveral[name] : idsByWords[words];
  if (licenseIds === undefined) {
    throw new Error(
      `Bun contains ${name} under "${words}", which scripts/release/bun-contents.ts does not know`,
    );
  }
  return { name, homepage, license: words, licenseIds };
}
