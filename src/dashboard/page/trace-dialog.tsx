import { useEffect, useRef } from "preact/hooks";
import { Result } from "./result.tsx";
import { Status } from "./status.tsx";
import { formatMs, formatTime, inWords } from "./text.ts";
import { sliceTime } from "./time-slices.ts";
import { useAnswer } from "./use-answer.ts";
import type { DecisionTrace, RequestRow, Timings, TracedRequest } from "./wire.ts";

interface TraceDialogProps {
  readonly row: RequestRow;
  readonly onClose: () => void;
}

const onceMs = 2 ** 30;

/** Why a request went where it went, and where its time went. */
export function TraceDialog({ row, onClose }: TraceDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [answer] = useAnswer<TracedRequest>(`/internal/requests/${encodeURIComponent(row.id)}`, onceMs);
  useEffect(() => dialog.current?.showModal(), []);
  const trace = answer.body?.trace;
  const timings: Timings = trace?.timings ?? row;
  return (
    <dialog ref={dialog} class="trace" aria-labelledby="trace-title" onClose={onClose}>
      <div class="row trace-head">
        <h2 id="trace-title">Request {row.id}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
      <p>
        <Result row={row} /> {row.method} <span class="break">{row.path}</span>, began {formatTime(row.time)}
      </p>
      {row.error !== undefined && <p class="hint bad">{row.error}</p>}
      <TimeBar timings={timings} />
      {trace === undefined ? (
        <p class="quiet">
          {answer.problem === undefined ? "Asking…" : `More is not known of it: ${answer.problem}`}
        </p>
      ) : (
        <TraceBody trace={trace} />
      )}
    </dialog>
  );
}

function TimeBar({ timings }: { readonly timings: Timings }) {
  const slices = sliceTime(timings);
  return (
    <>
      <h3>Where {formatMs(timings.duration_ms)} went</h3>
      <div class="time-bar" aria-hidden="true">
        {slices.map(({ name, ms }) => (
          <span key={name} class={`slice ${name}`} style={{ flexGrow: String(ms) }} />
        ))}
      </div>
      <dl class="slices">
        {slices.map(({ name, title, ms }) => (
          <div key={name}>
            <dt>
              <span class={`key slice ${name}`} aria-hidden="true" />
              {title}
            </dt>
            <dd>{formatMs(ms)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function TraceBody({ trace }: { readonly trace: DecisionTrace }) {
  const { strategy, action, reason, sticky, candidates, held_back: heldBack, attempts } = trace;
  const decision = [strategy, action, reason]
    .filter((part) => part !== undefined && part !== "")
    .map((part) => inWords(part ?? ""));
  return (
    <>
      {decision.length > 0 && (
        <p>
          Decision: {decision.join(", ")}
          {sticky !== undefined && `; conversation: ${inWords(sticky)}`}
        </p>
      )}
      <h3>Endpoints that were looked at</h3>
      {candidates.length === 0 ? (
        <p class="quiet">None: the request was answered before that.</p>
      ) : (
        <ul class="plain">
          {candidates.map(({ endpoint, model, skipped, rank, health }) => (
            <li key={endpoint}>
              <b>{endpoint}</b>{" "}
              {skipped === undefined ? (
                <>
                  candidate, rank {rank}
                  {model !== undefined && `, as ${model}`}
                </>
              ) : (
                <span class="quiet">skipped: {inWords(skipped)}</span>
              )}{" "}
              <Status status={health} />
            </li>
          ))}
        </ul>
      )}
      {heldBack.length > 0 && (
        <>
          <h3>Passed over when their turn came</h3>
          <ul class="plain">
            {heldBack.map(({ endpoint, model, reason: why, atMs }, index) => (
              <li key={`${endpoint} ${index}`}>
                <b>{endpoint}</b> {model} {inWords(why)}, after {formatMs(atMs)}
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>Attempts</h3>
      {attempts.length === 0 ? (
        <p class="quiet">None: no endpoint was asked.</p>
      ) : (
        <ol class="plain">
          {attempts.map((attempt, index) => (
            <li key={`${attempt.endpoint} ${index}`}>
              <b>{attempt.endpoint}</b> {attempt.model}
              {attempt.startedMs !== undefined && `, sent after ${formatMs(attempt.startedMs)}`}
              {attempt.queuedMs !== undefined &&
                attempt.queuedMs > 0 &&
                ` (${formatMs(attempt.queuedMs)} in line)`}
              , answered or failed within {formatMs(attempt.durationMs)}:{" "}
              <span class={`status ${attempt.error === undefined ? "good" : "bad"}`}>
                <span aria-hidden="true">{attempt.error === undefined ? "✓" : "✕"}</span>{" "}
                {[attempt.status, attempt.error && inWords(attempt.error)].filter(Boolean).join(" ")}
              </span>
              {attempt.message !== undefined && <span class="sub">{attempt.message}</span>}
            </li>
          ))}
        </ol>
      )}
    </>
  );
}
