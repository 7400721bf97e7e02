/** Who a request is from, as far as its turn goes. */
export interface Sender {
  /** Requests of one client are served in the order in which they came, and all clients in turn. */
  readonly client: string;
  /** Higher goes first. */
  readonly priority: number;
}

/** What a line has to know of the place that it is for. */
export interface TurnContext {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** What has waited so long gets every second place, whatever its priority. */
  readonly overdueMs: number;
  /** How many places a client holds there. */
  readonly heldBy: (client: string) => number;
}

interface Standing {
  /** In the order of coming, over all lines and clients. */
  readonly order: number;
  /** Monotonic milliseconds. */
  readonly joinedAt: number;
}

/** One client's requests of one priority, in the order in which they came. */
interface Group<Waiter> {
  readonly sender: Sender;
  readonly waiters: Map<Waiter, Standing>;
  /** When the client gave a place back last, in the order of coming. */
  releasedOrder: number;
}

/**
 * The line for one endpoint. A place goes to the highest priority; within it to the client that holds the fewest places
 * there, and of these to the one that has had none for the longest time. So that nobody waits for ever behind higher
 * priorities, every second place goes, as long as there is one, to a request that has waited for long.
 */
export class FairLine<Waiter> {
  readonly #groups = new Map<string, Group<Waiter>>();
  #depth = 0;
  #wasCatchingUp = false;

  get depth(): number {
    return this.#depth;
  }

  waiters(): readonly Waiter[] {
    return [...this.#groups.values()].flatMap(({ waiters }) => [...waiters.keys()]);
  }

  /** Stands behind the client's others of that priority. One who stands here already stays where he is. */
  join(waiter: Waiter, sender: Sender, standing: Standing): void {
    const key = keyOf(sender);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { sender, waiters: new Map(), releasedOrder: 0 };
      this.#groups.set(key, group);
    }
    if (group.waiters.has(waiter)) return;
    group.waiters.set(waiter, standing);
    this.#depth += 1;
  }

  leave(waiter: Waiter, sender: Sender): void {
    const key = keyOf(sender);
    const group = this.#groups.get(key);
    if (group?.waiters.delete(waiter) !== true) return;
    this.#depth -= 1;
    if (group.waiters.size === 0) this.#groups.delete(key);
  }

  /** Whose turn it is. To be called once for each place that is given out: he gets it, and must leave. */
  next(context: TurnContext): Waiter | undefined {
    const first = this.#best(context, () => true);
    if (first === undefined) return undefined;
    const { priority } = first.sender;
    const late = this.#wasCatchingUp
      ? undefined
      : this.#best({ ...context, ignoresPriority: true }, (group) => {
          return group.sender.priority < priority && isOverdue(group, context);
        });
    this.#wasCatchingUp = late !== undefined;
    return headOf(late ?? first)?.waiter;
  }

  /** The client has given a place back. */
  noteReleased(client: string, order: number): void {
    for (const group of this.#groups.values()) {
      if (group.sender.client === client) group.releasedOrder = order;
    }
  }

  /**
   * The request that has to go for the sake of another client's: the last one of whoever has most of them here, and at
   * least two more than that client. Undefined where nobody takes more than his share of the line.
   */
  excess(client: string): Waiter | undefined {
    const counts = new Map<string, number>();
    for (const { sender, waiters } of this.#groups.values()) {
      counts.set(sender.client, (counts.get(sender.client) ?? 0) + waiters.size);
    }
    let loudest: string | undefined;
    let most = (counts.get(client) ?? 0) + 1;
    for (const [name, count] of counts) {
      if (count > most) [loudest, most] = [name, count];
    }
    let lowest: Group<Waiter> | undefined;
    for (const group of this.#groups.values()) {
      if (group.sender.client !== loudest) continue;
      if (lowest === undefined || group.sender.priority < lowest.sender.priority) lowest = group;
    }
    return lowest && [...lowest.waiters.keys()].at(-1);
  }

  #best(
    context: TurnContext & { readonly ignoresPriority?: boolean },
    isAsked: (group: Group<Waiter>) => boolean,
  ): Group<Waiter> | undefined {
    let best: Group<Waiter> | undefined;
    for (const group of this.#groups.values()) {
      if (isAsked(group) && (best === undefined || isBefore(group, best, context))) best = group;
    }
    return best;
  }
}

function keyOf({ client, priority }: Sender): string {
  return `${priority} ${client}`;
}

function headOf<Waiter>({ waiters }: Group<Waiter>): { waiter: Waiter; standing: Standing } | undefined {
  const [head] = waiters;
  return head && { waiter: head[0], standing: head[1] };
}

function isOverdue<Waiter>(group: Group<Waiter>, { now, overdueMs }: TurnContext): boolean {
  return now - (headOf(group)?.standing.joinedAt ?? now) >= overdueMs;
}

function isBefore<Waiter>(
  one: Group<Waiter>,
  other: Group<Waiter>,
  { heldBy, ignoresPriority }: TurnContext & { readonly ignoresPriority?: boolean },
): boolean {
  if (ignoresPriority !== true && one.sender.priority !== other.sender.priority) {
    return one.sender.priority > other.sender.priority;
  }
  const [held, othersHeld] = [heldBy(one.sender.client), heldBy(other.sender.client)];
  return held === othersHeld ? withoutSince(one) < withoutSince(other) : held < othersHeld;
}

/** Since when the client has had no place here, in the order of coming. */
function withoutSince<Waiter>(group: Group<Waiter>): number {
  return Math.max(headOf(group)?.standing.order ?? 0, group.releasedOrder);
}
