import { createHash } from "node:crypto";
import { embeddedFolder, type PageFile } from "./page-file.ts";

export interface ServedFile extends PageFile {
  /** Strong, without quotes: the beginning of the content's SHA-256. */
  readonly tag: string;
}

/** The files of the page by name. Nothing of it is in memory until somebody has asked for it. */
export type LoadPage = () => Promise<ReadonlyMap<string, ServedFile>>;

/** Reads the page once, at the first call; a call after one that failed tries again. */
export function createPageSource(read: () => Promise<readonly PageFile[]> = readPage): LoadPage {
  let loading: ReturnType<LoadPage> | undefined;
  return () => {
    loading ??= load(read).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}

async function load(read: () => Promise<readonly PageFile[]>): Promise<ReadonlyMap<string, ServedFile>> {
  const files = await read();
  return new Map(files.map((file) => [file.name, { ...file, tag: tagOf(file.bytes) }]));
}

function tagOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 32);
}

async function readPage(): Promise<readonly PageFile[]> {
  const embedded = await readEmbedded();
  if (embedded.length > 0) return embedded;
  // The bundler knows where the sources are, which a compiled Olla has none of.
  const { bundlePage } = await import("./bundle-page.ts");
  return await bundlePage();
}

/** Names of embedded files are paths as they were when the executable was built. */
async function readEmbedded(): Promise<PageFile[]> {
  const files: PageFile[] = [];
  for (const blob of Bun.embeddedFiles) {
    const path = "name" in blob && typeof blob.name === "string" ? blob.name.replaceAll("\\", "/") : "";
    const at = path.lastIndexOf(`${embeddedFolder}/`);
    if (at < 0) continue;
    files.push({
      name: path.slice(at + embeddedFolder.length + 1),
      bytes: new Uint8Array(await blob.arrayBuffer()),
    });
  }
  return files;
}
