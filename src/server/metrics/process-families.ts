import { type ProcessFigures, readProcessFigures } from "../../observe/process-figures.ts";
import { counter, gauge, histogram, type MetricFamily, single } from "./family.ts";

const figure = (pick: (figures: ProcessFigures) => number | undefined) => () =>
  single(pick(readProcessFigures()));

/** The process itself, by the names that all exporters use. */
export const processFamilies: readonly MetricFamily[] = [
  gauge("olla_build_info", ["version", "commit", "bun"], "Which build this is; always 1.", ({ settings }) => [
    [[settings.version, settings.commit, settings.runtime.replace(/^Bun /, "")], 1],
  ]),
  histogram(
    "olla_event_loop_delay_seconds",
    [],
    "How late timers are called; measured while somebody scrapes.",
    ({ eventLoop }) => [[[], eventLoop.read()]],
  ),
  counter(
    "process_cpu_seconds_total",
    [],
    "CPU time, user and system.",
    figure(({ cpuUserSeconds, cpuSystemSeconds }) => cpuUserSeconds + cpuSystemSeconds),
  ),
  gauge(
    "process_resident_memory_bytes",
    [],
    "Memory in RAM, files included.",
    figure((all) => all.residentBytes),
  ),
  gauge(
    "olla_process_anonymous_memory_bytes",
    [],
    "Memory in RAM that is no file. Linux only.",
    figure((all) => all.anonymousBytes),
  ),
  gauge(
    "process_start_time_seconds",
    [],
    "Seconds since the epoch.",
    figure((all) => all.startedAt),
  ),
  gauge(
    "process_open_fds",
    [],
    "Open files and sockets. Linux only.",
    figure((all) => all.openFiles),
  ),
];
