import { useState } from "preact/hooks";
import { rediscover } from "./actions.ts";
import { BusyButton } from "./busy-button.tsx";
import { NoActions } from "./no-actions.tsx";
import type { Knowledge } from "./store.ts";
import { formatContext } from "./text.ts";
import { useAnswer } from "./use-answer.ts";
import type { ModelEntry, ModelStatistics, ModelStatus } from "./wire.ts";

const everyMs = 15_000;

export function ModelsView({ knowledge: { endpoints, canAct } }: { readonly knowledge: Knowledge }) {
  const [status, askAgain] = useAnswer<ModelStatus>(
    "/internal/status/models?detailed=true&group=family",
    everyMs,
  );
  const [statistics] = useAnswer<ModelStatistics>("/internal/stats/models", everyMs);
  const [filter, setFilter] = useState("");
  const lastUsed = new Map(statistics.body?.models?.map(({ name, last_requested: when }) => [name, when]));
  const loaded = new Set(
    endpoints.flatMap(({ name, loaded_models: models = [] }) => models.map((model) => placeKey(name, model))),
  );
  const groups = (status.body?.model_groups ?? [])
    .map(({ family, models }) => ({
      family,
      models: models.filter((model) => matches(model, family, filter)),
    }))
    .filter(({ models }) => models.length > 0);
  return (
    <>
      <NoActions canAct={canAct} />
      <div class="row bar">
        <label>
          <span>Filter</span>
          <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        {status.body !== undefined && <span class="quiet">{status.body.total_models} models</span>}
        {canAct && (
          <BusyButton label="Read the lists of models again" onClick={() => rediscover().then(askAgain)}>
            Rediscover now
          </BusyButton>
        )}
      </div>
      {status.problem !== undefined && <p class="hint bad">{status.problem}</p>}
      {status.body?.total_models === 0 && <p class="quiet">No endpoint has told of any model yet.</p>}
      {groups.map(({ family, models }) => (
        <div class="card table-card" key={family}>
          <h2>{family}</h2>
          <table class="cards-on-phone">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">Places</th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col" class="number">
                  Context
                </th>
                <th scope="col">Capabilities</th>
                <th scope="col">Last used</th>
              </tr>
            </thead>
            <tbody>
              {models.map((model) => (
                <ModelRow
                  key={model.name}
                  model={model}
                  loaded={loaded}
                  lastUsed={lastUsed.get(model.name)}
                />
              ))}
            </tbody>
          </table>
        </div>
      ))}
    </>
  );
}

interface ModelRowProps {
  readonly model: ModelEntry;
  /** Of `placeKey`. */
  readonly loaded: ReadonlySet<string>;
  readonly lastUsed: string | undefined;
}

function ModelRow({ model, loaded, lastUsed }: ModelRowProps) {
  const { name, aliases = [], params, quant, size, context_length: context, capabilities = [] } = model;
  const kind = [params, quant].filter((part) => part !== undefined).join(", ");
  return (
    <tr>
      <th scope="row" data-label="Model" class="break">
        {name}
        {kind !== "" && <span class="sub">{kind}</span>}
        {aliases.length > 0 && <span class="sub">also {aliases.join(", ")}</span>}
      </th>
      <td data-label="Places">
        {model.endpoints.map((endpoint) => (
          <span class="pill" key={endpoint}>
            {endpoint}
            {loaded.has(placeKey(endpoint, name)) && <span class="tag">loaded</span>}
          </span>
        ))}
      </td>
      <td data-label="Size" class="number">
        {size ?? "–"}
      </td>
      <td data-label="Context" class="number">
        {context === undefined ? "–" : formatContext(context)}
      </td>
      <td data-label="Capabilities">
        {capabilities.length === 0 ? "–" : capabilities.join(", ").replaceAll("_", " ")}
      </td>
      <td data-label="Last used">{lastUsed ?? "–"}</td>
    </tr>
  );
}

/** Neither a name of an endpoint nor of a model holds a line break. */
function placeKey(endpoint: string, model: string): string {
  return `${endpoint}\n${model}`;
}

function matches(
  { name, endpoints, aliases = [], capabilities = [] }: ModelEntry,
  family: string,
  filter: string,
): boolean {
  const texts = [name, family, ...endpoints, ...aliases, ...capabilities];
  return texts.some((text) => text.toLowerCase().includes(filter.trim().toLowerCase()));
}
