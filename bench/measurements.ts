/** By peer and by figure, one value for each round. */
export type Measured = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/** What one figure of a scenario is. */
export interface FigureKind {
  /** In the tables. */
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
}

/** The values of a scenario while it runs. */
export class Measurements {
  readonly #values: Map<string, Map<string, number[]>>;

  /** @param peers in the order in which they are to be read; others come behind them */
  constructor(peers: readonly { readonly name: string }[] = []) {
    this.#values = new Map(peers.map(({ name }) => [name, new Map<string, number[]>()]));
  }

  add(peer: string, figures: Readonly<Record<string, number>>): void {
    const ofPeer = this.#values.get(peer) ?? new Map<string, number[]>();
    this.#values.set(peer, ofPeer);
    for (const [figure, value] of Object.entries(figures)) {
      const values = ofPeer.get(figure) ?? [];
      ofPeer.set(figure, values);
      values.push(value);
    }
  }

  read(): Measured {
    const entries = [...this.#values].map(([peer, figures]) => [peer, Object.fromEntries(figures)]);
    return Object.fromEntries(entries) as Measured;
  }
}

/** Undefined without values. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** The median of a figure over all rounds. */
export function figureOf(measured: Measured | undefined, peer: string, figure: string): number | undefined {
  return median(measured?.[peer]?.[figure] ?? []);
}
