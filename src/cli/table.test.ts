import { expect, test } from "bun:test";
import { widthOf } from "./safe-text.ts";
import { type Column, formatHeading, formatRow, layOut } from "./table.ts";

interface Row {
  readonly name: string;
  readonly place: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: "NAME", importance: 3, minWidth: 6, cell: ({ name }) => name },
  { title: "PLACE", importance: 1, cell: ({ place }) => place },
  { title: "N", importance: 2, align: "right", cell: ({ count }) => String(count) },
];
const rows: readonly Row[] = [
  { name: "a-long-name", place: "here", count: 7 },
  { name: "通义千问", place: "elsewhere", count: 1234 },
];

function draw(width: number, of: readonly Row[] = rows): string[] {
  const layout = layOut(columns, of, width);
  return [formatHeading(layout), ...of.map((row) => formatRow(layout, row))];
}

test("with room for all, columns are as wide as their widest cell", () => {
  expect(draw(80)).toEqual([
    "NAME         PLACE         N", //
    "a-long-name  here          7",
    "通义千问     elsewhere  1234",
  ]);
});

test("cells that may be cut are, before a column goes", () => {
  expect(draw(26)).toEqual([
    "NAME       PLACE         N", //
    "a-long-n…  here          7",
    "通义千问   elsewhere  1234",
  ]);
});

test("then the least important column goes, and the others have its room", () => {
  expect(draw(20)).toEqual([
    "NAME            N", //
    "a-long-name     7",
    "通义千问     1234",
  ]);
  expect(draw(8)).toEqual(["NAME", "a-long-…", "通义千问"]);
});

test("a column that says nothing is left out", () => {
  expect(draw(80, [{ name: "one", place: "", count: 1 }])[0]).toBe("NAME  N");
});

test("no line is ever wider than there is room", () => {
  for (let width = 1; width < 40; width++) {
    for (const line of draw(width)) expect(widthOf(line)).toBeLessThanOrEqual(width);
  }
});

test("a later layout keeps the columns of an earlier one, and their widths", () => {
  const first = layOut(columns, rows, 80);
  const next = layOut(columns, [{ name: "b", place: "", count: 1 }], 80, first);
  expect(formatHeading(next)).toBe(formatHeading(first));
  expect(formatRow(next, { name: "b", place: "", count: 1 })).toBe("b                          1");
});

test("a cell may know better what to cut", () => {
  const column: Column<Row> = {
    title: "WHERE",
    importance: 1,
    minWidth: 4,
    cell: ({ name, place }) => `${name}@${place}`,
    cut: ({ place }, width) => `@${place}`.slice(0, width),
  };
  const layout = layOut([column], rows.slice(0, 1), 8);
  expect(rows.slice(0, 1).map((row) => formatRow(layout, row))).toEqual(["@here"]);
});
