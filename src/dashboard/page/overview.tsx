import { useMemo } from "preact/hooks";
import { Chart } from "./chart.tsx";
import { rollingMean, rollingRatio, sumOfLast } from "./series.ts";
import { Status } from "./status.tsx";
import type { Knowledge } from "./store.ts";
import { formatMs, formatNumber } from "./text.ts";
import type { EndpointEntry, RateColumns } from "./wire.ts";

/** Seconds over which what is shown as "now" is averaged. */
const smoothSeconds = 5;

export function Overview({ knowledge }: { readonly knowledge: Knowledge }) {
  const { rates, system, endpoints } = knowledge;
  if (rates === undefined || system === undefined)
    return <p class="quiet">Waiting for the first words of Olla…</p>;
  return (
    <>
      <Tiles knowledge={knowledge} rates={rates} />
      <Charts rates={rates} />
      <Glance endpoints={endpoints} />
    </>
  );
}

function Tiles({ knowledge, rates }: { readonly knowledge: Knowledge; readonly rates: RateColumns }) {
  const { system, inFlight } = knowledge;
  const perSecond = (values: readonly number[]) => formatNumber(sumOfLast(values, 10) / 10);
  const errors = sumOfLast(rates.errors, 60);
  const requests = sumOfLast(rates.requests, 60);
  const firstTokens = sumOfLast(rates.ttft_count, 60);
  const waiting = system?.queue?.waiting ?? 0;
  return (
    <dl class="tiles">
      <Tile
        name="Requests per second"
        value={perSecond(rates.requests)}
        note={`${formatNumber(requests)} in the last minute`}
      />
      <Tile
        name="Tokens out per second"
        value={perSecond(rates.output_tokens)}
        note={`${perSecond(rates.input_tokens)} in; counted when an answer ends`}
      />
      <Tile
        name="Errors, last minute"
        value={formatNumber(errors)}
        note={requests === 0 ? "no requests" : `${((errors / requests) * 100).toFixed(1)} % of requests`}
        tone={errors > 0 ? "bad" : undefined}
      />
      <Tile
        name="In flight"
        value={formatNumber(inFlight)}
        note={waiting === 0 ? "nobody waits in line" : `${waiting} wait in line`}
      />
      <Tile
        name="Time to first token"
        value={firstTokens === 0 ? "–" : formatMs(sumOfLast(rates.ttft_sum_ms, 60) / firstTokens)}
        note={
          firstTokens === 0 ? "no streams in the last minute" : `mean of ${firstTokens} streams, last minute`
        }
      />
      <Tile
        name="Attempts that succeeded"
        value={system?.success_rate ?? "–"}
        note={`of ${formatNumber(system?.total_requests ?? 0)} since the start`}
      />
    </dl>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: "bad" | undefined;
}

function Tile({ name, value, note, tone }: TileProps) {
  return (
    <div class="card tile">
      <dt>{name}</dt>
      <dd class={tone ?? ""}>
        {tone === "bad" && <span aria-hidden="true">▲ </span>}
        {value}
      </dd>
      <dd class="note">{note}</dd>
    </div>
  );
}

function Charts({ rates }: { readonly rates: RateColumns }) {
  const shown = useMemo(
    () => ({
      times: rates.requests.map((_, index) => Math.round(rates.from / 1000) + index),
      requests: rollingMean(rates.requests, smoothSeconds),
      errors: rollingMean(rates.errors, smoothSeconds),
      output: rollingMean(rates.output_tokens, smoothSeconds),
      input: rollingMean(rates.input_tokens, smoothSeconds),
      firstToken: rollingRatio(rates.ttft_sum_ms, rates.ttft_count, smoothSeconds),
    }),
    [rates],
  );
  const { times } = shown;
  return (
    <div class="charts">
      <Chart
        title="Requests per second"
        times={times}
        format={formatNumber}
        lines={[
          { label: "ended", values: shown.requests, colour: "accent", isFilled: true },
          { label: "errors", values: shown.errors, colour: "bad" },
        ]}
      />
      <Chart
        title="Tokens per second"
        times={times}
        format={formatNumber}
        lines={[
          { label: "out", values: shown.output, colour: "accent", isFilled: true },
          { label: "in", values: shown.input, colour: "second" },
        ]}
      />
      <Chart
        title="In flight"
        times={times}
        format={formatNumber}
        lines={[{ label: "requests", values: rates.in_flight, colour: "accent", isFilled: true }]}
      />
      <Chart
        title="Time to first token"
        times={times}
        format={formatMs}
        lines={[{ label: "mean", values: shown.firstToken, colour: "accent" }]}
      />
    </div>
  );
}

/** Those that need a look first. */
function Glance({ endpoints }: { readonly endpoints: readonly EndpointEntry[] }) {
  const sorted = endpoints.toSorted((left, right) => Number(isFine(left)) - Number(isFine(right)));
  return (
    <div class="card table-card">
      <h2>Endpoints at a glance</h2>
      {endpoints.length === 0 ? (
        <p class="quiet">No endpoints are configured, and none was found on this machine.</p>
      ) : (
        <ul class="glance">
          {sorted.map(({ id, name, status, draining, active_connections, success_rate, avg_latency_ms }) => (
            <li key={id}>
              <a href="#endpoints">{name}</a>
              <Status status={draining === true ? "draining" : status} />
              <span>
                {active_connections} running, {success_rate} succeeded, {formatMs(avg_latency_ms)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function isFine({ status, draining }: EndpointEntry): boolean {
  return status === "healthy" && draining !== true;
}
