import { useEffect, useState } from "preact/hooks";
import { hasKey } from "./api.ts";
import type { FeedState } from "./feed-client.ts";
import { feed as client } from "./store.ts";
import { formatSpan } from "./text.ts";

interface FeedBannerProps {
  readonly feed: FeedState;
  readonly heardAt: number | undefined;
}

/** Says what stands between the page and Olla; nothing while all is well. */
export function FeedBanner({ feed, heardAt }: FeedBannerProps) {
  const isLost = feed.kind === "lost";
  useSeconds(isLost);
  if (feed.kind === "locked" && hasKey()) {
    return (
      <div class="banner bad" role="alert">
        <span aria-hidden="true">▲</span> {feed.message}
      </div>
    );
  }
  if (!isLost) return null;
  return (
    <div class="banner bad" role="alert">
      <p>
        <span aria-hidden="true">✕</span> <strong>{feed.message}.</strong>{" "}
        {heardAt === undefined ? "Nothing is known yet." : "What you see below is old."}
      </p>
      {/* Changes every second: nothing to be read aloud. */}
      <p aria-live="off">
        {heardAt !== undefined && <>Last heard {formatSpan(Date.now() - heardAt)} ago. </>}
        Next try in {formatSpan(Math.max(0, feed.retryAt - Date.now()))}.
      </p>
      <button type="button" onClick={() => client.reconnect()}>
        Try now
      </button>
    </div>
  );
}

function useSeconds(isOn: boolean): void {
  const [, renderAgain] = useState(0);
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => renderAgain((count) => count + 1), 1_000);
    return () => clearInterval(timer);
  }, [isOn]);
}
