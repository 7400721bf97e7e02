import { useEffect, useState } from "preact/hooks";
import { askJson, describeError } from "./api.ts";

export interface Answer<Body> {
  readonly body?: Body | undefined;
  readonly problem?: string | undefined;
}

/** Asks while the page is shown, and again every `everyMs`. What was answered stays when asking again fails. */
export function useAnswer<Body>(path: string, everyMs: number): readonly [Answer<Body>, () => void] {
  const [answer, setAnswer] = useState<Answer<Body>>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isWanted = true;
    const askNow = () => {
      if (document.hidden) return;
      askJson<Body>(path).then(
        (body) => isWanted && setAnswer({ body }),
        (error: unknown) => isWanted && setAnswer((last) => ({ ...last, problem: describeError(error) })),
      );
    };
    askNow();
    const timer = setInterval(askNow, everyMs);
    document.addEventListener("visibilitychange", askNow);
    return () => {
      isWanted = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", askNow);
    };
  }, [path, everyMs, round]);
  return [answer, () => setRound((last) => last + 1)];
}
