import { createHash } from "node:crypto";
import { join } from "node:path";
import { indexName, type PageFile } from "./page-file.ts";

const folder = join(import.meta.dir, "page");
export const pageScript = "main.tsx";
const encoder = new TextEncoder();

/**
 * Makes the page out of its sources: at the first request when Olla runs from source, and once when the executable is
 * built. Takes some tenths of a second. @throws Error when the sources do not build
 */
export async function bundlePage(): Promise<readonly PageFile[]> {
  const [script, styles, icon, template] = await Promise.all([
    bundle(pageScript),
    bundle("style.css"),
    Bun.file(join(folder, "icon.svg")).text(),
    Bun.file(join(folder, indexName)).text(),
  ]);
  const assets = [
    nameByContent("app", "js", script),
    nameByContent("app", "css", styles),
    nameByContent("icon", "svg", icon),
  ];
  const [scriptFile, styleFile, iconFile] = assets.map(({ name }) => name);
  const html = template
    .replace("{script}", scriptFile ?? "")
    .replace("{styles}", styleFile ?? "")
    .replace("{icon}", iconFile ?? "");
  return [{ name: indexName, bytes: encoder.encode(html) }, ...assets];
}

/** How a source of the page is built; the release looks with it for what ends up in the page. */
export function pageBuild(entry: string): Bun.BuildConfig {
  return {
    entrypoints: [join(folder, entry)],
    target: "browser",
    format: "esm",
    minify: true,
    jsx: { runtime: "automatic", importSource: "preact", development: false },
    define: { "process.env.NODE_ENV": '"production"' },
    throw: true,
  };
}

async function bundle(entry: string): Promise<string> {
  const { outputs } = await Bun.build(pageBuild(entry));
  const [output] = outputs;
  if (output === undefined) throw new Error(`nothing came of ${entry}`);
  return await output.text();
}

function nameByContent(stem: string, ending: string, content: string): PageFile {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  return { name: `assets/${stem}-${hash}.${ending}`, bytes: encoder.encode(content) };
}
