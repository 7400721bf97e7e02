import { counter, gauge, type MetricFamily } from "./family.ts";

/** Whether the file that the operator has written is the one in force; named as Prometheus names its own. */
export const configFamilies: readonly MetricFamily[] = [
  gauge(
    "olla_config_last_reload_successful",
    [],
    "Whether the last reading of the configuration could be put in force; 1 before the first.",
    ({ reload }) => (reload === undefined ? [] : [[[], reload.last?.status === "rejected" ? 0 : 1]]),
  ),
  gauge(
    "olla_config_last_reload_success_timestamp_seconds",
    [],
    "When the configuration in force was put in force, in seconds since the epoch.",
    ({ reload }) => (reload === undefined ? [] : [[[], reload.inForceSince / 1000]]),
  ),
  counter(
    "olla_config_reloads_total",
    ["result"],
    "Readings of the configuration since the start, by what became of them.",
    ({ reload }) => Object.entries(reload?.counts ?? {}).map(([result, count]) => [[result], count]),
  ),
];
