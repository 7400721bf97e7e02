import { useEffect, useState } from "preact/hooks";

interface Notice {
  readonly number: number;
  readonly text: string;
  readonly isBad: boolean;
}

const shownMs = 6_000;
let notices: readonly Notice[] = [];
let lastNumber = 0;
const watchers = new Set<() => void>();

function change(next: readonly Notice[]): void {
  notices = next;
  for (const watcher of watchers) watcher();
}

/** Tells what came of an action, for some seconds. */
export function notify(text: string, isBad = false): void {
  lastNumber += 1;
  const notice = { number: lastNumber, text, isBad };
  change([...notices.slice(-2), notice]);
  setTimeout(() => change(notices.filter((shown) => shown !== notice)), isBad ? 2 * shownMs : shownMs);
}

export function Notices() {
  const [, renderAgain] = useState(0);
  useEffect(() => {
    const watcher = () => renderAgain((count) => count + 1);
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }, []);
  return (
    <div class="notices" role="status">
      {notices.map(({ number, text, isBad }) => (
        <p key={number} class={isBad ? "notice bad" : "notice"}>
          <span aria-hidden="true">{isBad ? "▲" : "✓"}</span> {text}
        </p>
      ))}
    </div>
  );
}
