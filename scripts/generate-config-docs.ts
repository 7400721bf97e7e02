import { otherVariables } from "../src/config/environment.ts";
import { defaultFiles } from "../src/config/find-file.ts";
import { type ListedKey, type ListedSection, listSections } from "../src/config/key-list.ts";
import { configSchema } from "../src/config/schema.ts";

/** `docs/configuration.md`, out of the schema. A test compares it with the file in the repository. */
export function renderConfigDocs(): string {
  const sections = listSections(configSchema);
  const keys = sections.flatMap((section) => section.keys);
  const inert = keys.filter((key) => key.metadata.status === "inert");
  const root = sections.filter((section) => section.path === "").flatMap((section) => section.keys);
  return [
    introduction(),
    ...sections.filter((section) => section.path !== "").map(renderSection),
    root.length === 0 ? "" : `## Top-level keys\n\n${renderTable(root)}`,
    renderInert(inert),
    renderVariables(),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function introduction(): string {
  const files = defaultFiles.map((file, index) => `${index + 1}. \`${file}\``).join("\n");
  return `# Configuration

<!-- Written by scripts/generate-config-docs.ts out of src/config/schema.ts. Change the schema, then run the script. -->

Olla runs without a configuration: it then looks for inference servers on the usual ports of this machine. A useful file has five lines:

\`\`\`yaml
discovery:
  static:
    endpoints:
      - name: gpu-box
        url: http://192.168.1.20:11434
\`\`\`

[config.example.yaml](config.example.yaml) is a longer one with comments.

## Which file is read

\`olla --config FILE\`, else the variable \`OLLA_CONFIG_FILE\`, else the first of these that exists in the working directory:

${files}

Exactly one file is read. Defaults come first, then the file, then environment variables. Mappings are completed key by key; a list replaces the default list. A key with nothing behind it keeps its default; an empty list is an empty list.

All problems are reported at once, with line and column. A wrong value stops Olla; an unknown key is a warning for \`olla serve\` and a failure for \`olla validate\`.

## How values are written

| Type | Form |
| --- | --- |
| duration | numbers with units \`ns us ms s m h\`: \`500ms\`, \`1.5s\`, \`1h30m\`; a bare \`0\`. |
| size | bytes as a number, or with a unit in powers of 1024: \`64KB\`, \`1.5 MiB\`, \`2g\`. |
| boolean | \`true\`, \`false\`; also \`yes\`, \`no\`, \`on\`, \`off\`. In variables also \`1\`, \`0\`, \`t\`, \`f\`. |
| list | a YAML list; in variables, items between commas. |
| globs | names in which \`*\` stands for anything, \`/\` included, at any place; case does not matter. |
| secret | text that is never shown. In an endpoint's \`auth\` and \`headers\`, \`\${NAME}\` is replaced by the variable, which must be set; \`\${NAME:-fallback}\` need not be. \`*_file\` keys name a file that is read once, at start. |

*Later* in a table marks a key that is read and checked, but that this version does not act on yet: set to anything but its default it gives a warning.`;
}

function renderSection(section: ListedSection): string {
  const shown = section.keys.filter((key) => key.metadata.status !== "inert");
  const hasContent = shown.length > 0 || section.doc !== "";
  if (!hasContent) return "";
  const depth = section.path.includes(".") ? "###" : "##";
  const doc = section.doc === "" ? "" : `\n\n${section.doc}`;
  const table = shown.length === 0 ? "" : `\n\n${renderTable(shown)}`;
  return `${depth} \`${section.path}\`${doc}${table}`;
}

function renderTable(keys: readonly ListedKey[]): string {
  const rows = keys.map((key) => {
    const { metadata } = key;
    const mark = metadata.status === "later" ? "*Later.* " : "";
    return [
      `\`${lastPart(key)}\``,
      metadata.type,
      renderInitial(key),
      metadata.unit,
      key.variables.map((name) => `\`${name}\``).join(", "),
      mark + metadata.doc,
    ];
  });
  return renderRows(["Key", "Type", "Default", "Unit", "Variable", "Meaning"], rows);
}

function renderInert(keys: readonly ListedKey[]): string {
  const rows = keys.map((key) => [
    `\`${key.path}\``,
    key.variables.map((name) => `\`${name}\``).join(", "),
    key.metadata.doc,
    key.metadata.reason ?? "",
  ]);
  const table = renderRows(["Key", "Variable", "Was meant for", "Why it does nothing"], rows);
  const variables = otherVariables.flatMap(({ name, doc, reason }) =>
    reason === undefined ? [] : [[`\`${name}\``, doc, reason]],
  );
  return `## Keys without effect

Accepted, so that existing files load; setting one gives a warning.

${table}

Variables of the same sort:

${renderRows(["Variable", "Was meant for", "Why it does nothing"], variables)}`;
}

function renderVariables(): string {
  const active = otherVariables.filter(({ reason }) => reason === undefined);
  const rows = active.map(({ name, doc }) => [`\`${name}\``, doc]);
  const intro =
    "A variable that is set and not empty wins over the file. A value that cannot be read stops Olla. Besides those in the tables:";
  return `## Environment variables\n\n${intro}\n\n${renderRows(["Variable", "Meaning"], rows)}`;
}

function renderInitial(key: ListedKey): string {
  const { initial, isRequired } = key.metadata;
  if (isRequired === true) return "required";
  if (initial === undefined || initial === "")
    return initial === "" && key.metadata.type === "string" ? "empty" : "unset";
  if (Array.isArray(initial)) return initial.length === 0 ? "`[]`" : `\`[${initial.join(", ")}]\``;
  return typeof initial === "object" ? "`{}`" : `\`${initial}\``;
}

function lastPart(key: ListedKey): string {
  return key.parts.at(-1) ?? key.path;
}

function renderRows(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  const target = new URL("../docs/configuration.md", import.meta.url);
  await Bun.write(target, renderConfigDocs());
  console.log(`wrote ${target.pathname}`);
}
