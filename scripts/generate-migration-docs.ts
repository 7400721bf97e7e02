import { otherVariables } from "../src/config/environment.ts";
import { type ListedKey, listKeys } from "../src/config/key-list.ts";
import { configSchema } from "../src/config/schema.ts";

const target = new URL("../docs/migration.md", import.meta.url);
const keys = listKeys(configSchema);

/** What keys are in Olla in Go where nothing sets them; only those that are something else here. */
export const goDefaults: Readonly<Record<string, string>> = {
  "server.request_limits.max_body_size": "100MB",
  "server.rate_limits.global_requests_per_minute": "1000",
  "server.rate_limits.per_ip_requests_per_minute": "100",
  "server.rate_limits.health_requests_per_minute": "1000",
  "proxy.engine": "olla",
  "proxy.load_balancer": "least-connections",
  "proxy.connection_timeout": "60s",
  "proxy.response_header_timeout": "30s",
};

/** The page with both of its tables of keys. A test compares it with the file in the repository. */
export function renderMigrationDocs(page: string): string {
  return fill(fill(page, "defaults", renderDefaults()), "keys without effect", renderInert());
}

function fill(page: string, name: string, table: string): string {
  const [head, begin, rest] = cut(page, `<!-- ${name}, written by scripts/generate-migration-docs.ts -->\n`);
  const [, end, tail] = cut(rest, `<!-- end of ${name} -->`);
  return `${head}${begin}\n${table}\n\n${end}${tail}`;
}

/** @throws when the page has no such mark */
function cut(page: string, mark: string): readonly [string, string, string] {
  const at = page.indexOf(mark);
  if (at < 0) throw new Error(`docs/migration.md has no ${mark}`);
  return [page.slice(0, at), mark, page.slice(at + mark.length)];
}

function renderDefaults(): string {
  const rows = Object.entries(goDefaults).map(([path, inGo]) => {
    return `| \`${path}\` | \`${inGo}\` | \`${keyAt(path).metadata.initial}\` |`;
  });
  return ["| key | in Go | here |", "| --- | --- | --- |", ...rows].join("\n");
}

function renderInert(): string {
  const ofKeys = keys
    .filter(({ metadata }) => metadata.status === "inert")
    .map(({ path, metadata }) => [path, metadata.reason ?? ""]);
  const ofVariables = otherVariables.flatMap(({ name, reason }) =>
    reason === undefined ? [] : [[name, reason]],
  );
  const rows = [...ofKeys, ...ofVariables].map(([name, reason]) => `| \`${name}\` | ${reason} |`);
  return ["| key or variable | why, and what to do |", "| --- | --- |", ...rows].join("\n");
}

function keyAt(path: string): ListedKey {
  const key = keys.find((each) => each.path === path);
  if (key === undefined) throw new Error(`the schema has no key ${path}`);
  return key;
}

if (import.meta.main) {
  await Bun.write(target, renderMigrationDocs(await Bun.file(target).text()));
  console.log(`wrote ${target.pathname}`);
}
