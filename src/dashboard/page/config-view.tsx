import { useState } from "preact/hooks";
import { readConfigAgain } from "./actions.ts";
import { BusyButton } from "./busy-button.tsx";
import { useAnswer } from "./use-answer.ts";
import type { ConfigView as Config, ConfigKey, Reload } from "./wire.ts";

const everyMs = 60_000;
const sources: Readonly<Record<string, string>> = {
  default: "default",
  file: "from the file",
  environment: "from a variable",
  set: "set",
};

export function ConfigView({ canAct }: { readonly canAct: boolean }) {
  if (!canAct) {
    return (
      <p class="hint">
        <span aria-hidden="true">○</span> The configuration is shown to holders of the admin key, or, where
        there is none, on Olla’s own machine only.
      </p>
    );
  }
  return <Loaded />;
}

function Loaded() {
  const [{ body, problem }, askAgain] = useAnswer<Config>("/internal/config", everyMs);
  const [filter, setFilter] = useState("");
  const [hasSetOnly, setSetOnly] = useState(false);
  if (body === undefined) return <p class="quiet">{problem ?? "Asking…"}</p>;
  const sections = body.sections
    .map((section) => ({
      ...section,
      keys: section.keys.filter(
        (key) => matches(key, filter.trim().toLowerCase()) && (!hasSetOnly || key.source !== "default"),
      ),
    }))
    .filter(({ keys }) => keys.length > 0);
  return (
    <>
      <p class="quiet">
        {body.file === undefined ? "No file was read." : `Read from ${body.file}.`} Credentials are never
        shown.
      </p>
      {body.last_reload !== undefined && <LastReload reload={body.last_reload} />}
      <div class="row bar">
        <BusyButton label="Read the file again" onClick={() => readConfigAgain().then(askAgain)}>
          Read the file again
        </BusyButton>
        <label>
          <span>Filter</span>
          <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={hasSetOnly}
            onChange={(event) => setSetOnly(event.currentTarget.checked)}
          />
          <span>Only what was set</span>
        </label>
      </div>
      {Object.entries(body.lists).map(([path, items]) => (
        <List key={path} path={path} items={items} filter={filter} />
      ))}
      {sections.map(({ path, doc, keys }) => (
        <div class="card table-card" key={path}>
          <h2>{path === "" ? "Top level" : path}</h2>
          {doc !== "" && <p class="quiet">{doc}</p>}
          <table class="config cards-on-phone">
            <thead class="unseen">
              <tr>
                <th scope="col">Key</th>
                <th scope="col">Value</th>
                <th scope="col">Source</th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <tr key={key.key}>
                  <th scope="row" data-label="Key" title={key.doc}>
                    {path === "" ? key.key : key.key.slice(path.length + 1)}
                  </th>
                  <td data-label="Value" class="break code">
                    {written(key.value)}
                  </td>
                  <td data-label="Source" class={key.source === "default" ? "quiet" : ""}>
                    {sources[key.source] ?? key.source}
                    {key.inert === true && " (without effect)"}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ))}
    </>
  );
}

/** What is wrong with the file as it is now, and what of it waits. */
function LastReload({ reload }: { readonly reload: Reload }) {
  const { errors, warnings, restart_required: waiting } = reload;
  const lines = [...errors, ...warnings];
  if (lines.length + waiting.length === 0) return null;
  return (
    <div class="card">
      <h2>{errors.length > 0 ? "The file has errors, and is not in force" : "About the file in force"}</h2>
      {waiting.length > 0 && (
        <p>
          These keys take a restart: <span class="code">{waiting.join(", ")}</span>
        </p>
      )}
      {lines.length > 0 && (
        <ul class="code break">
          {lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface ListProps {
  readonly path: string;
  readonly items: readonly unknown[];
  readonly filter: string;
}

function List({ path, items, filter }: ListProps) {
  const wanted = filter.trim().toLowerCase();
  const shown = items
    .map((item) => flatten(item))
    .filter((facts) => {
      const texts = [path, ...facts.flat()];
      return texts.some((text) => text.toLowerCase().includes(wanted));
    });
  if (shown.length === 0) return null;
  return (
    <div class="card table-card">
      <h2>{path}</h2>
      {shown.map((facts, index) => (
        <dl class="facts" key={facts[0]?.[1] ?? index}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="code">{value}</dd>
            </div>
          ))}
        </dl>
      ))}
    </div>
  );
}

/** Every value with the way to it; what is empty says nothing. */
function flatten(value: unknown, path = ""): [name: string, text: string][] {
  const isNested = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isNested) {
    return Object.entries(value).flatMap(([name, inner]) =>
      flatten(inner, path === "" ? name : `${path}.${name}`),
    );
  }
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  return isEmpty ? [] : [[path, Array.isArray(value) ? value.map(written).join(", ") : written(value)]];
}

function written(value: unknown): string {
  if (value === null || value === undefined) return "unset";
  if (value === "") return '""';
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function matches({ key, value, doc }: ConfigKey, filter: string): boolean {
  return filter === "" || [key, written(value), doc].some((text) => text.toLowerCase().includes(filter));
}
