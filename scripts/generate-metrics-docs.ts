import { allFamilies } from "../src/server/metrics/all-families.ts";

const target = new URL("../docs/monitoring.md", import.meta.url);
const mark = "<!-- Written by scripts/generate-metrics-docs.ts";

/** The page with the table of all metrics at its end. A test compares it with the file in the repository. */
export function renderMetricsDocs(page: string): string {
  const head = page.slice(0, page.indexOf(mark));
  const notice = page.slice(head.length).split("\n", 1)[0] ?? "";
  const rows = allFamilies.map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${names} | ${help} |`;
  });
  return [
    `${head}${notice}`,
    "",
    "| name | type | labels | meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

if (import.meta.main) {
  await Bun.write(target, renderMetricsDocs(await Bun.file(target).text()));
  console.log(`wrote ${target.pathname}`);
}
