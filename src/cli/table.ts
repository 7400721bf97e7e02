import { fit, padTo, widthOf } from "./safe-text.ts";

export interface Column<Row> {
  /** In capitals, as it stands above the column. */
  readonly title: string;
  readonly align?: "left" | "right";
  /** Where the screen is too narrow, the columns with the smallest number go first; below 10 they are minor. */
  readonly importance: number;
  /** How narrow the column may become, by cutting texts, before another one has to go; as wide as its texts if absent. */
  readonly minWidth?: number;
  /** What it needs to be read with ease: gets it before minor columns are shown. */
  readonly usualWidth?: number;
  /** Nothing to say is "": a column that says nothing in any row is left out. */
  readonly cell: (row: Row) => string;
  /** The cell in at most so many terminal cells, where its end is not the part to do without. */
  readonly cut?: (row: Row, width: number) => string;
  /** Colours of the padded cell. */
  readonly paint?: (text: string, row: Row) => string;
}

/** Which columns there is room for, and how wide they are. */
export interface TableLayout<Row> {
  readonly columns: readonly { readonly column: Column<Row>; readonly width: number }[];
}

const gap = "  ";
const minor = 10;

/**
 * Chooses columns and widths so that no line is wider than `width`.
 * @param floors of a table that gets more rows: the layout of those that are on the screen already, whose columns stay and
 *   get no narrower; room to spare then goes to rows to come
 */
export function layOut<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  floors?: TableLayout<Row>,
): TableLayout<Row> {
  const floorOf = (column: Column<Row>) =>
    floors?.columns.find((other) => other.column.title === column.title)?.width;
  const kept = columns
    .map((column) => {
      const widest = Math.max(0, ...rows.map((row) => widthOf(column.cell(row))), floorOf(column) ?? 0);
      const natural = Math.max(widest, widthOf(column.title));
      return {
        column,
        isSilent: widest === 0,
        natural,
        least: Math.min(natural, column.minWidth ?? natural),
        eased: Math.min(natural, column.usualWidth ?? column.minWidth ?? natural),
      };
    })
    .filter(({ isSilent }) => !isSilent);
  for (;;) {
    const lowest = Math.min(...kept.map(({ column }) => column.importance));
    const needed = kept.map(({ eased, least }) => (lowest < minor ? eased : least));
    if (kept.length <= 1 || totalOf(needed) <= width) break;
    kept.splice(
      kept.findLastIndex(({ column }) => column.importance === lowest),
      1,
    );
  }
  const widths = kept.map(({ least }) => least);
  growTo(
    widths,
    kept.map(({ natural }) => natural),
    width,
  );
  if (floors !== undefined) {
    growTo(
      widths,
      kept.map(({ column }) => column.usualWidth ?? 0),
      width,
    );
  }
  return {
    columns: kept.map(({ column }, index) => ({ column, width: Math.min(widths[index] ?? 0, width) })),
  };
}

/** Hands out what is left of the line, one cell at a time to each that wants more, so that none takes all. */
function growTo(widths: number[], wishes: readonly number[], width: number): void {
  let spare = width - totalOf(widths);
  for (let isGrowing = true; isGrowing && spare > 0; ) {
    isGrowing = false;
    for (const [index, wish] of wishes.entries()) {
      const current = widths[index] ?? 0;
      if (current >= wish || spare <= 0) continue;
      widths[index] = current + 1;
      spare -= 1;
      isGrowing = true;
    }
  }
}

export function formatHeading<Row>({ columns }: TableLayout<Row>): string {
  return joinCells(columns.map(({ column, width }) => padTo(fit(column.title, width), width, column.align)));
}

export function formatRow<Row>({ columns }: TableLayout<Row>, row: Row): string {
  const cells = columns.map(({ column, width }) => {
    const whole = column.cell(row);
    const short = widthOf(whole) > width ? (column.cut?.(row, width) ?? whole) : whole;
    const text = padTo(fit(short, width), width, column.align);
    return column.paint?.(text, row) ?? text;
  });
  return joinCells(cells);
}

function joinCells(cells: readonly string[]): string {
  return cells.join(gap).trimEnd();
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap.length * Math.max(0, widths.length - 1);
}
