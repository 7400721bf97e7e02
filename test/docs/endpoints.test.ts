// docs/endpoints.md against the profiles and the statuses.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { endpointStatuses } from "../../src/endpoints/endpoint-status.ts";
import { builtinProfiles } from "../../src/profiles/builtin.ts";
import { root } from "./pages.ts";

const text = await Bun.file(join(root, "docs/endpoints.md")).text();

/** The cells of the rows below a heading that begin with code. */
function rowsBelow(heading: string): string[][] {
  const section = text.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function codesIn(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

test("the table of kinds has each of them, with its other names and its ports", () => {
  const written = rowsBelow("What kind it is").map(([kind, also, ports = ""]) => ({
    name: codesIn(kind)[0],
    also: codesIn(also).toSorted(),
    ports: (ports.match(/\d+/g) ?? []).map(Number).toSorted((left, right) => left - right),
  }));
  const known = builtinProfiles().map(({ name, aliases, prefixes, defaultPorts }) => ({
    name,
    also: [...new Set([...aliases, ...prefixes])].filter((other) => other !== name).toSorted(),
    ports: [...defaultPorts].toSorted((left, right) => left - right),
  }));
  const byName = <Row extends { readonly name?: string | undefined }>(rows: readonly Row[]) =>
    rows.toSorted((left, right) => (left.name ?? "").localeCompare(right.name ?? ""));
  expect(byName(written.filter(({ name }) => name !== "auto"))).toEqual(byName(known));
});

test("the table of statuses has each that an endpoint can be in", () => {
  const written = rowsBelow("Is it well?").flatMap(([status]) => codesIn(status));
  // Nothing sets this one yet.
  const possible = endpointStatuses.filter((status) => status !== "warming");
  expect(written.toSorted()).toEqual([...possible].toSorted());
});
