// The dashboard and the alert rules speak of metrics that there are, and of their labels.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "yaml";
import { allFamilies } from "../../src/server/metrics/all-families.ts";
import { metricOf } from "../support/scrape.ts";

const folder = join(import.meta.dir, "../../docs/monitoring");
const types = new Map(allFamilies.map(({ name, type }) => [name, type]));
const labels = new Map(allFamilies.map((family) => [family.name, family.labels]));
/** What Prometheus adds to every series, and to buckets. */
const added: readonly string[] = ["instance", "job", "le"];

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

async function readRules(): Promise<readonly Rule[]> {
  const file = parse(await Bun.file(join(folder, "alerts.yaml")).text()) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return file.groups.flatMap(({ rules }) => rules);
}

async function readDashboard(): Promise<Dashboard> {
  return (await Bun.file(join(folder, "olla-dashboard.json")).json()) as Dashboard;
}

/** What is wrong with an expression: metrics that do not exist, and labels that theirs do not have. */
function faultsOf(expression: string): string[] {
  const selectors = [...expression.matchAll(/\b((?:olla|process)_\w+)(?:\{([^}]*)\})?/g)];
  return selectors.flatMap(([, name = "", matchers = ""]) => {
    const metric = metricOf(name, types);
    if (!types.has(metric)) return [`${name} does not exist`];
    const used = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label);
    const known = [...(labels.get(metric) ?? []), ...added];
    return used.filter((label) => !known.includes(label)).map((label) => `${name} has no label ${label}`);
  });
}

test("every expression of the dashboard names metrics and labels that there are", async () => {
  const { panels, templating } = await readDashboard();
  const expressions = [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...templating.list.flatMap(({ definition }) => definition ?? []),
  ];
  expect(expressions.length).toBeGreaterThan(30);
  expect(expressions.filter((expression) => /\b(olla|process)_/.test(expression))).toEqual(expressions);
  expect(expressions.flatMap(faultsOf)).toEqual([]);
});

test("every rule names metrics and labels that there are", async () => {
  const rules = await readRules();
  expect(rules.length).toBeGreaterThan(8);
  expect(rules.flatMap(({ expr }) => faultsOf(expr))).toEqual([]);
});

test("a metric or a label that is not there would be noticed", () => {
  expect(faultsOf('rate(olla_no_such_total{a="b"}[5m])')).toEqual(["olla_no_such_total does not exist"]);
  expect(faultsOf('olla_inflight_requests{model="x", endpoint="y"}')).toEqual([
    "olla_inflight_requests has no label model",
  ]);
  expect(faultsOf("olla_inflight_requests_count")).toEqual(["olla_inflight_requests_count does not exist"]);
});

test("the dashboard can be imported anywhere: its data source is a variable", async () => {
  const dashboard = await readDashboard();
  expect(dashboard.templating.list[0]).toMatchObject({ name: "datasource", type: "datasource" });
  const sources = [...JSON.stringify(dashboard).matchAll(/"type":"prometheus","uid":"([^"]*)"/g)];
  const variable = "$" + "{datasource}";
  expect(new Set(sources.map(([, uid]) => uid))).toEqual(new Set([variable]));
});

test("the page explains every alert", async () => {
  const page = await Bun.file(join(folder, "../monitoring.md")).text();
  const rules = await readRules();
  expect(rules.filter(({ alert }) => !page.includes(`\`${alert}\``))).toEqual([]);
});
