import { useState } from "preact/hooks";
import { cancelRequest } from "./actions.ts";
import { isFailed, Result } from "./result.tsx";
import { endOf, type Knowledge, rowKey } from "./store.ts";
import { formatMs, formatTime } from "./text.ts";
import { TraceDialog } from "./trace-dialog.tsx";
import type { LiveRow, RequestRow } from "./wire.ts";

export function RequestsView({ knowledge: { live, ended, canAct } }: { readonly knowledge: Knowledge }) {
  const [traced, setTraced] = useState<RequestRow>();
  if (!canAct) {
    return (
      <p class="hint">
        <span aria-hidden="true">○</span> Single requests are shown to holders of the admin key, or, where
        there is none, on Olla’s own machine only.
      </p>
    );
  }
  return (
    <>
      <LiveTable live={live ?? []} />
      <EndedTable ended={ended} onOpen={setTraced} />
      {traced !== undefined && <TraceDialog row={traced} onClose={() => setTraced(undefined)} />}
    </>
  );
}

function LiveTable({ live }: { readonly live: readonly LiveRow[] }) {
  return (
    <div class="card table-card">
      <h2>Under way: {live.length}</h2>
      {live.length === 0 ? (
        <p class="quiet">Nothing runs right now.</p>
      ) : (
        <table class="cards-on-phone">
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col">Phase</th>
              <th scope="col">Model</th>
              <th scope="col">Endpoint</th>
              <th scope="col">Client</th>
              <th scope="col" class="number">
                Attempts
              </th>
              <th scope="col">Action</th>
            </tr>
          </thead>
          <tbody>
            {live.map((row) => (
              <tr key={`${row.id} ${row.started_at}`}>
                <td data-label="For">{formatMs(row.elapsed_ms)}</td>
                <td data-label="Phase">
                  {row.phase}
                  {row.stream && row.phase !== "streaming" && <span class="sub">wants a stream</span>}
                </td>
                <td data-label="Model" class="break">
                  {row.model ?? "–"}
                </td>
                <td data-label="Endpoint">{row.endpoint ?? "–"}</td>
                <td data-label="Client">{clientOf(row)}</td>
                <td data-label="Attempts" class="number">
                  {row.attempts}
                </td>
                <td data-label="Action">
                  <button
                    type="button"
                    aria-label={`Cancel request ${row.id}`}
                    onClick={() => cancelRequest(row.id, row.endpoint)}
                  >
                    Cancel
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

interface EndedTableProps {
  readonly ended: readonly RequestRow[];
  readonly onOpen: (row: RequestRow) => void;
}

function EndedTable({ ended, onOpen }: EndedTableProps) {
  const [filter, setFilter] = useState("");
  const [hasErrorsOnly, setErrorsOnly] = useState(false);
  // Rows that move under the pointer cannot be clicked: what is shown stands still while somebody reads.
  const [held, setHeld] = useState<readonly RequestRow[]>();
  const shown = (held ?? ended).filter(
    (row) => matches(row, filter.trim().toLowerCase()) && (!hasErrorsOnly || isFailed(row)),
  );
  return (
    <div class="card table-card">
      <h2>Ended</h2>
      <div class="row bar">
        <label>
          <span>Filter</span>
          <input
            type="search"
            value={filter}
            placeholder="id, model, endpoint, client, status…"
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={hasErrorsOnly}
            onChange={(event) => setErrorsOnly(event.currentTarget.checked)}
          />
          <span>Failed only</span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={held !== undefined}
            onChange={(event) => setHeld(event.currentTarget.checked ? ended : undefined)}
          />
          <span>Hold still</span>
        </label>
      </div>
      {shown.length === 0 ? (
        <p class="quiet">{ended.length === 0 ? "None yet." : "None of them matches."}</p>
      ) : (
        <table class="cards-on-phone">
          <thead>
            <tr>
              <th scope="col">Ended</th>
              <th scope="col">Result</th>
              <th scope="col">Model</th>
              <th scope="col">Endpoint</th>
              <th scope="col">Client</th>
              <th scope="col" class="number">
                First token
              </th>
              <th scope="col" class="number">
                Took
              </th>
              <th scope="col" class="number">
                Tokens
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <EndedRow key={rowKey(row)} row={row} onOpen={onOpen} />
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function EndedRow({ row, onOpen }: { readonly row: RequestRow; readonly onOpen: (row: RequestRow) => void }) {
  const { input_tokens: input, output_tokens: output, alias, model } = row;
  return (
    <tr>
      <td data-label="Ended">
        <button
          type="button"
          class="link"
          aria-label={`Why request ${row.id} went where it went`}
          onClick={() => onOpen(row)}
        >
          {formatTime(endOf(row))}
        </button>
      </td>
      <td data-label="Result">
        <Result row={row} />
      </td>
      <td data-label="Model" class="break">
        {model ?? "–"}
        {alias !== undefined && <span class="sub">as {alias}</span>}
      </td>
      <td data-label="Endpoint">
        {row.endpoint ?? "–"}
        {row.attempts > 1 && <span class="sub">{row.attempts} attempts</span>}
      </td>
      <td data-label="Client">{clientOf(row)}</td>
      <td data-label="First token" class="number">
        {formatMs(row.ttft_ms)}
      </td>
      <td data-label="Took" class="number">
        {formatMs(row.duration_ms)}
        {row.queue_ms > 0 && <span class="sub">{formatMs(row.queue_ms)} in line</span>}
      </td>
      <td data-label="Tokens" class="number">
        {input === undefined && output === undefined ? "–" : `${input ?? "?"} → ${output ?? "?"}`}
        {row.tokens_per_sec !== undefined && <span class="sub">{row.tokens_per_sec} per s</span>}
      </td>
    </tr>
  );
}

function clientOf({ key, client }: { readonly key?: string; readonly client: string }): string {
  return key === undefined ? client : `${key} (${client})`;
}

function matches(row: RequestRow, filter: string): boolean {
  const { id, path, model, alias, endpoint, key, client, status, ending, error_code: code } = row;
  const texts = [id, path, model, alias, endpoint, key, client, String(status), ending, code];
  return filter === "" || texts.some((text) => text?.toLowerCase().includes(filter) === true);
}
