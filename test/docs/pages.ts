import { join } from "node:path";

export const root = join(import.meta.dir, "../..");

/** A fenced block, with the comment in front of it, if there is one. */
export interface CodeBlock {
  /** `docs/failover.md:70`, of its first line. */
  readonly place: string;
  readonly language: string;
  readonly text: string;
  /** `kind: what it says` of an HTML comment directly in front. */
  readonly mark: Mark | undefined;
  /** The block before it under the same heading. */
  readonly before: CodeBlock | undefined;
}

export interface Mark {
  readonly kind: string;
  readonly says: string;
}

export interface Page {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly CodeBlock[];
  readonly spans: readonly string[];
  readonly links: readonly string[];
  /** What a link's `#…` may name. */
  readonly anchors: ReadonlySet<string>;
}

const patterns = ["*.md", "docs/**/*.md", "bench/*.md", "test/clients/*.md"];

/** Every page that people are to read, in the order of their paths. */
export async function readPages(): Promise<readonly Page[]> {
  const paths = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: root })]);
  const unique = [...new Set(paths.map((path) => path.replaceAll("\\", "/")))].toSorted();
  return Promise.all(unique.map(async (path) => readPage(path, await Bun.file(join(root, path)).text())));
}

export function readPage(path: string, text: string): Page {
  const blocks: CodeBlock[] = [];
  const spans: string[] = [];
  const links: string[] = [];
  const anchors = new Set<string>();
  let mark: Mark | undefined;
  let last: CodeBlock | undefined;
  let offset = 0;
  const forget = (content: string): string => {
    mark = undefined;
    return content;
  };
  Bun.markdown.render(text, {
    heading(content) {
      anchors.add(freeName(slugOf(content), anchors));
      last = undefined;
      return forget("");
    },
    code(content, meta) {
      const at = text.indexOf(content.split("\n")[0] ?? "", text.indexOf("```", offset) + 3);
      offset = Math.max(offset, at + content.length);
      const place = `${path}:${text.slice(0, at).split("\n").length}`;
      last = { place, language: meta?.language ?? "", text: content, mark, before: last };
      blocks.push(last);
      return forget("");
    },
    html(content) {
      mark = readMark(content) ?? mark;
      return "";
    },
    codespan(content) {
      spans.push(content);
      return content;
    },
    link(content, { href }) {
      links.push(href);
      return content;
    },
    image(content, { src }) {
      links.push(src);
      return content;
    },
    paragraph: forget,
    list: forget,
    table: forget,
  });
  for (const [, name = ""] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
  return { path, text, blocks, spans, links, anchors };
}

function readMark(html: string): Mark | undefined {
  const [, kind, says] = /^<!--\s*([a-z ]+):\s*(.*?)\s*-->/s.exec(html) ?? [];
  return kind === undefined || says === undefined ? undefined : { kind, says };
}

/** As GitHub makes it: lower case, no punctuation, each space a hyphen. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let number = 1;
  while (taken.has(`${name}-${number}`)) number++;
  return `${name}-${number}`;
}
