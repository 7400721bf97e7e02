import type { Document, ErrorCode, Node } from "yaml";
import { type ConfigProblem, isMapping, type KeyPath } from "./problem.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlFile {
  /** The plain tree; `{}` for an empty file. Meaningless when there are errors among the problems. */
  readonly tree: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Where the value of a key stands, else the key, else the closest thing around it. */
  locate(path: KeyPath): Position | undefined;
  /** Where the name of a key stands, else what `locate` says. */
  locateKey(path: KeyPath): Position | undefined;
  /** The plain scalar as written in the file. */
  sourceOf(path: KeyPath): string | undefined;
}

// Own words: the parser quotes the text around an error, and that text may hold a credential.
const syntaxMessages: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: "an alias (*) that cannot be used here",
  BAD_DQ_ESCAPE: "an unknown escape sequence in double quotes; use single quotes for text with backslashes",
  BAD_INDENT: "wrong indentation",
  BAD_SCALAR_START: "a plain value cannot start with this character; put the value in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a mapping cannot stand here; check indentation, and a second colon in the line",
  DUPLICATE_KEY: "expected every key once per mapping, got this one again",
  MISSING_CHAR: "something is missing: a closing quote or bracket, a colon after a key, or a comma",
  MULTILINE_IMPLICIT_KEY: "a key must fit on one line; is there a colon missing?",
  MULTIPLE_DOCS: "expected one document, got a second one",
  TAB_AS_INDENT: "tabs cannot indent YAML; use spaces",
  TAG_RESOLVE_FAILED: "a tag (!) that means nothing here; put the value in quotes",
  UNEXPECTED_TOKEN: "something that does not belong here",
};

/** Parses a configuration file. Loaded only when there is one: the parser is the largest thing at start. */
export async function parseYamlFile(file: string, text: string): Promise<YamlFile> {
  const yaml = await import("yaml");
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter, prettyErrors: false, merge: true });
  const positionOf = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  const report = (severity: ConfigProblem["severity"], offset: number, message: string): ConfigProblem => {
    return { severity, kind: "syntax", file, ...positionOf(offset), path: "", message };
  };
  const problems = [
    ...document.errors.map((error) => report("error", error.pos[0], describeSyntax(error.code))),
    ...document.warnings.map((warning) => report("warning", warning.pos[0], describeSyntax(warning.code))),
  ];

  const find = (path: KeyPath, wantsKey: boolean) => findNode(yaml, document, path, wantsKey);
  const locate = (path: KeyPath, wantsKey: boolean): Position | undefined => {
    const range = find(path, wantsKey).node?.range;
    return range === undefined || range === null ? undefined : positionOf(range[0]);
  };
  let tree: unknown = {};
  if (document.errors.length === 0) {
    try {
      tree = document.toJS() ?? {};
    } catch {
      // The only reason left: an alias without its anchor, or one that expands without end.
      problems.push(
        report(
          "error",
          findAlias(yaml, document),
          "expected an alias (*) to name an anchor (&) before it, and not to multiply without end",
        ),
      );
    }
    if (!isMapping(tree)) {
      problems.push({
        ...report("error", 0, "expected a mapping of keys, got something else"),
        kind: "value",
      });
    }
  }
  return {
    tree,
    problems,
    locate: (path) => locate(path, false),
    locateKey: (path) => locate(path, true),
    sourceOf(path) {
      const { node, isExact } = find(path, false);
      return isExact && yaml.isScalar(node) ? node.source : undefined;
    },
  };
}

type YamlLibrary = typeof import("yaml");

function describeSyntax(code: ErrorCode): string {
  return `expected YAML, got ${syntaxMessages[code] ?? "something that is not"} (${code})`;
}

function findNode(
  yaml: YamlLibrary,
  document: Document,
  path: KeyPath,
  wantsKey: boolean,
): { node: Node | undefined; isExact: boolean } {
  let node: Node | undefined = document.contents ?? undefined;
  for (const [depth, part] of path.entries()) {
    const holder: unknown = yaml.isAlias(node) ? node.resolve(document) : node;
    let next: unknown;
    if (yaml.isMap(holder)) {
      const pair = holder.items.find((item) => yaml.isScalar(item.key) && String(item.key.value) === part);
      const isNamed = wantsKey && depth === path.length - 1;
      next = isNamed || pair?.value === null ? pair?.key : pair?.value;
    } else if (yaml.isSeq(holder) && typeof part === "number") {
      next = holder.items[part];
    }
    if (!yaml.isNode(next)) return { node, isExact: false };
    node = next;
  }
  return { node, isExact: true };
}

function findAlias(yaml: YamlLibrary, document: Document): number {
  let offset = 0;
  yaml.visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = alias.range?.[0] ?? 0;
      return yaml.visit.BREAK;
    },
  });
  return offset;
}
