import { drain, enable, probe } from "./actions.ts";
import { BusyButton } from "./busy-button.tsx";
import { NoActions } from "./no-actions.tsx";
import { Status } from "./status.tsx";
import { type Knowledge, ollaTime } from "./store.ts";
import { formatAgo, formatMs } from "./text.ts";
import type { Breaker, EndpointEntry } from "./wire.ts";

export function EndpointsView({ knowledge: { endpoints, canAct } }: { readonly knowledge: Knowledge }) {
  if (endpoints.length === 0) {
    return <p class="quiet">No endpoints are configured, and none was found on this machine.</p>;
  }
  return (
    <>
      <NoActions canAct={canAct} />
      <div class="card table-card">
        <table class="cards-on-phone">
          <thead>
            <tr>
              <th scope="col">Endpoint</th>
              <th scope="col">Health</th>
              <th scope="col">Breaker</th>
              <th scope="col" class="number narrow">
                Running
              </th>
              <th scope="col" class="number narrow">
                In line
              </th>
              <th scope="col" class="number">
                Succeeded
              </th>
              <th scope="col" class="number">
                Latency
              </th>
              <th scope="col" class="models">
                Loaded models
              </th>
              <th scope="col">Last check</th>
              {canAct && (
                <th scope="col" class="actions">
                  Actions
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {endpoints.map((endpoint) => (
              <EndpointRow key={endpoint.id} endpoint={endpoint} canAct={canAct} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface EndpointRowProps {
  readonly endpoint: EndpointEntry;
  readonly canAct: boolean;
}

function EndpointRow({ endpoint, canAct }: EndpointRowProps) {
  const {
    name,
    type,
    url,
    priority,
    status,
    draining,
    issues,
    queue,
    cooldown_until: coolingUntil,
  } = endpoint;
  return (
    <tr>
      <th scope="row" data-label="Endpoint">
        {name}
        <span class="sub">
          {type}, priority {priority}
        </span>
        <span class="sub break">{url}</span>
      </th>
      <td data-label="Health">
        <Status status={status} />
        {draining === true && <Status status="draining" />}
        {issues !== undefined && issues !== status && <span class="sub">{issues}</span>}
        {coolingUntil !== undefined && (
          <span class="sub">left alone until {new Date(coolingUntil).toLocaleTimeString("en-GB")}</span>
        )}
      </td>
      <td data-label="Breaker">
        <BreakerCell breaker={endpoint.circuit_breaker} />
      </td>
      <td data-label="Running" class="number">
        {endpoint.active_connections}
      </td>
      <td data-label="In line" class="number">
        {queue?.depth ?? "–"}
      </td>
      <td data-label="Succeeded" class="number">
        {endpoint.success_rate}
        <span class="sub">of {endpoint.request_count}</span>
      </td>
      <td data-label="Latency" class="number">
        {formatMs(endpoint.avg_latency_ms)}
        {endpoint.avg_latency_ms !== undefined && (
          <span class="sub">at most {formatMs(endpoint.max_latency_ms)}</span>
        )}
      </td>
      <td data-label="Loaded models">
        <LoadedModels endpoint={endpoint} />
      </td>
      <td data-label="Last check">
        {formatAgo(endpoint.health_check_at, ollaTime())}
        {endpoint.response_time !== undefined && <span class="sub">took {endpoint.response_time}</span>}
      </td>
      {canAct && (
        <td data-label="Actions">
          <div class="row">
            {draining === true ? (
              <button type="button" aria-label={`Enable ${name}`} onClick={() => enable(name)}>
                Enable
              </button>
            ) : (
              <button
                type="button"
                aria-label={`Drain ${name}`}
                onClick={() => drain(name, endpoint.active_connections)}
              >
                Drain
              </button>
            )}
            <BusyButton label={`Probe ${name} now`} onClick={() => probe(name)}>
              Probe
            </BusyButton>
          </div>
        </td>
      )}
    </tr>
  );
}

function BreakerCell({ breaker }: { readonly breaker: Breaker | undefined }) {
  if (breaker === undefined) return <span class="quiet">off</span>;
  return (
    <>
      <Status status={breaker.state} />
      {breaker.retry_in !== undefined && <span class="sub">tries again in {breaker.retry_in}</span>}
      {breaker.models?.map(({ model, state, retry_in: retryIn }) => (
        <span class="sub" key={model}>
          {model}: {state}
          {retryIn !== undefined && `, again in ${retryIn}`}
        </span>
      ))}
    </>
  );
}

function LoadedModels({
  endpoint: { loaded_models: loaded, model_count: count },
}: {
  readonly endpoint: EndpointEntry;
}) {
  return (
    <>
      {loaded === undefined && <span class="quiet">not known</span>}
      {loaded?.length === 0 && <span class="quiet">none</span>}
      {loaded?.map((name) => (
        <span class="pill" key={name}>
          {name}
        </span>
      ))}
      <span class="sub">of {count} that it has</span>
    </>
  );
}
