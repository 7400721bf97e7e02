import { describeCidrFault } from "../lib/cidr.ts";
import { section } from "./key.ts";
import {
  booleanKey,
  choiceKey,
  durationKey,
  numberKey,
  secretMapKey,
  sizeKey,
  stringKey,
  stringListKey,
  unsetStringKey,
} from "./key-types.ts";
import { describeCollectorFault } from "./otlp-settings.ts";

export const logging = section(
  {
    level: choiceKey({
      initial: "info",
      choices: ["debug", "info", "warn", "error"],
      spellings: { warning: "warn" },
      env: ["OLLA_LOGGING_LEVEL", "OLLA_LOG_LEVEL"],
      doc: "Least important level that is written. `warning` means `warn`; case does not matter.",
    }),
    format: choiceKey({
      initial: "json",
      choices: ["json", "text"],
      env: ["OLLA_LOGGING_FORMAT", "OLLA_LOG_FORMAT"],
      doc: "Form of log lines when standard output is no terminal; a terminal gets text. A variable wins over both.",
    }),
    output: choiceKey({
      initial: "stdout",
      choices: ["stdout", "file"],
      env: ["OLLA_LOGGING_OUTPUT"],
      doc: "`file` writes to a file as well.",
    }),
  },
  "What Olla says about itself.",
);

export const dashboard = section(
  {
    enabled: booleanKey({ initial: true, doc: "Serve the dashboard at `/internal/ui/`." }),
    access_policy: section({
      allowed_cidrs: stringListKey({
        initial: ["127.0.0.0/8", "::1/128"],
        unit: "CIDR ranges",
        doc: "Addresses that may open it, by the connection's own; what a proxy says of its clients does not count.",
      }),
      allowed_hosts: stringListKey({
        initial: ["localhost"],
        unit: "host names",
        doc: "Host names under which it may be opened, and while Olla listens on loopback, under which it answers at all; one `*` inside a name stands for anything. Addresses and the machine's own names are always fine.",
      }),
    }),
    gate_internal_api: booleanKey({
      initial: false,
      status: "inert",
      reason: "nothing ever read it; `server.admin.key` guards these routes",
      doc: "Apply the access policy to the rest of `/internal/` too.",
    }),
  },
  "The dashboard in the browser.",
  (values, complain) => {
    const policy = values.access_policy;
    if (values.enabled !== true || typeof policy !== "object" || policy === null) return;
    const ranges = "allowed_cidrs" in policy ? policy.allowed_cidrs : undefined;
    if (!Array.isArray(ranges)) return;
    const objections = ranges.map((range: unknown) => describeCidrFault(String(range)));
    const objection =
      ranges.length === 0 ? "expected at least one range, got none" : objections.find(Boolean);
    if (objection !== undefined) complain("access_policy.allowed_cidrs", objection);
  },
);

export const engineering = section({
  show_nerdstats: booleanKey({
    initial: false,
    env: ["OLLA_SHOW_NERD_STATS"],
    doc: "Log memory and run-time figures at shutdown.",
  }),
});

export const requestLog = section(
  {
    enabled: booleanKey({
      initial: false,
      env: "auto",
      doc: "Keep a record of every request in a database. Without it the last 200 are in memory.",
    }),
    path: stringKey({
      initial: "olla.db",
      unit: "path",
      env: "auto",
      doc: "The database file, from the working directory where it is relative. It and its folder are made if they are not there.",
    }),
    max_age: durationKey({
      initial: "168h",
      isAge: true,
      env: "auto",
      doc: "Records older than this are deleted. 0 keeps them.",
    }),
    max_size: sizeKey({
      initial: "512MiB",
      env: "auto",
      doc: "The oldest records go when the file, with what is written beside it, grows past this. 0 is no limit.",
    }),
  },
  "Requests on record.",
);

export const telemetry = section(
  {
    metrics: section({
      bare_route: booleanKey({
        initial: false,
        env: "auto",
        doc: "Serve `/metrics`, too, for scrapers that look there; with the guard of `/internal/metrics`, and at `server.admin.port` where one is set.",
      }),
    }),
    otlp: section({
      enabled: booleanKey({
        initial: false,
        env: "auto",
        doc: "Send traces by OTLP over HTTP.",
      }),
      endpoint: unsetStringKey({
        unit: "URL",
        env: "auto",
        check: describeCollectorFault,
        doc: "Address of the collector; `/v1/traces` is appended where it does not end so. Unset: the `OTEL_EXPORTER_OTLP_…ENDPOINT` variables, else `http://localhost:4318`.",
      }),
      headers: secretMapKey({
        doc: "Headers sent along with traces. Unset: the `OTEL_EXPORTER_OTLP_…HEADERS` variables.",
      }),
      sample_ratio: numberKey({
        initial: 1,
        min: 0,
        max: 1,
        env: "auto",
        doc: "Share of the requests that are traced, among those whose client does not trace; else the client decides. Unset: `OTEL_TRACES_SAMPLER`.",
      }),
    }),
  },
  "Metrics and traces. The usual `OTEL_*` variables count as well.",
);

export const configFile = section({
  watch: booleanKey({
    initial: true,
    status: "later",
    env: "auto",
    doc: "Reload this file when it changes.",
  }),
});
