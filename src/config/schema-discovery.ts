import * as v from "valibot";
import { formatDuration } from "../lib/duration.ts";
import { checkEndpointName, checkEndpointPath, checkServerName, readEndpointUrl } from "./endpoint-url.ts";
import { section } from "./key.ts";
import {
  booleanKey,
  choiceKey,
  customKey,
  durationKey,
  globListKey,
  ignoredKey,
  integerKey,
  numberKey,
  secretKey,
  secretMapKey,
  stringKey,
  unsetDurationKey,
  unsetStringKey,
} from "./key-types.ts";
import { describeType } from "./problem.ts";

const modelDiscovery = section(
  {
    enabled: booleanKey({
      initial: true,
      doc: "Ask endpoints which models they have. When off, model names do not restrict routing.",
    }),
    interval: durationKey({ initial: "5m", doc: "How often every endpoint is asked." }),
    timeout: durationKey({ initial: "30s", doc: "How long one endpoint may take to answer." }),
    concurrent_workers: integerKey({ initial: 5, min: 0, doc: "Endpoints asked at once." }),
    retry_attempts: integerKey({
      initial: 3,
      min: 0,
      doc: "Tries in all, the first one included, before a list counts as failed.",
    }),
    retry_backoff: durationKey({
      initial: "1s",
      doc: "Pause before the first further attempt; it doubles with each one.",
    }),
    removal_grace: durationKey({
      initial: "10s",
      doc: "How long a model stays after the first list without it, for backends that show an empty list while they start. 0: not at all.",
    }),
  },
  "",
  (values, complain) => {
    if (values.enabled !== true) return;
    for (const key of ["interval", "concurrent_workers", "timeout"]) {
      if (values[key] === 0)
        complain(key, "expected more than 0 while discovery.model_discovery.enabled is true, got 0");
    }
  },
);

const neverRead = "nothing ever read it";

/** Only shapes; what an auth block must and must not contain is decided where its secrets are read. */
const endpointAuth = section({
  type: unsetStringKey({ unit: "bearer · api_key · basic", doc: "How the endpoint wants to be asked." }),
  token: secretKey({
    doc: "Bearer token. References to variables are replaced.",
  }),
  token_file: unsetStringKey({ unit: "path", doc: "File that holds the token." }),
  key: secretKey({ doc: "API key, replaced like `token`." }),
  key_file: unsetStringKey({ unit: "path", doc: "File that holds the API key." }),
  header: unsetStringKey({ allowEmpty: true, doc: "Header that carries the API key. Unset: `X-Api-Key`." }),
  username: secretKey({ doc: "User name for basic authentication, replaced like `token`." }),
  username_file: unsetStringKey({ unit: "path", doc: "File that holds the user name." }),
  password: secretKey({ doc: "Password for basic authentication, replaced like `token`." }),
  password_file: unsetStringKey({ unit: "path", doc: "File that holds the password." }),
});

const shortestIntervalMs = 1000;
const longestProbeMs = 30_000;
const usualProbeMs = 2000;

export const defaultCheckIntervalMs = 5000;

/** A probe must be over before the next one is due. */
export function defaultCheckTimeout(checkInterval: number): number {
  return Math.min(usualProbeMs, checkInterval / 2);
}

export const endpointEntry = section(
  {
    url: customKey<string>(
      "string",
      {
        initial: "",
        isRequired: true,
        unit: "http or https URL",
        doc: "Where the endpoint is. Required, unique, without credentials.",
      },
      readEndpointUrl,
    ),
    name: unsetStringKey({
      allowEmpty: true,
      check: checkEndpointName,
      doc: "What the endpoint is called everywhere; unique. Unset: host and port, with a warning.",
    }),
    type: stringKey({
      initial: "auto",
      allowEmpty: true,
      unit: "profile",
      doc: "Kind of backend: `ollama`, `lm-studio`, `vllm`, `openai-compatible` or another profile. `auto` finds out.",
    }),
    priority: integerKey({ initial: 100, min: 0, doc: "Higher is preferred by the `priority` balancer." }),
    weight: numberKey({
      initial: 1,
      min: 0,
      isMinExcluded: true,
      doc: "Share among endpoints of one priority.",
    }),
    health_check_url: unsetStringKey({
      unit: "path or URL",
      allowEmpty: true,
      check: checkEndpointPath,
      doc: "What a health probe asks for. Unset: the profile's path.",
    }),
    model_url: unsetStringKey({
      unit: "path or URL",
      allowEmpty: true,
      check: checkEndpointPath,
      doc: "Where the model list is. Unset: the profile's path.",
    }),
    check_interval: durationKey({
      initial: "5s",
      doc: "How often health is probed, at least every 1s. 0 is the default.",
    }),
    check_timeout: unsetDurationKey({
      doc: "How long a probe may take: less than `check_interval` and at most 30s. Unset or 0: 2s, or half the interval if that is less.",
    }),
    preserve_path: booleanKey({
      initial: false,
      doc: "Put the path of `url` in front of proxied paths. When false it serves only health probes and model lists.",
    }),
    model_filter: section({
      include: globListKey({ initial: [], doc: "Models to use, by name. Empty: all." }),
      exclude: globListKey({ initial: [], doc: "Models not to use. Stronger than `include`." }),
    }),
    headers: secretMapKey({
      doc: "Headers for every request, probe and model list. References to variables are replaced.",
    }),
    auth: endpointAuth,
    connection_timeout: unsetDurationKey({ doc: "Overrides `proxy.connection_timeout`." }),
    response_header_timeout: unsetDurationKey({ doc: "Overrides `proxy.response_header_timeout`." }),
    read_timeout: unsetDurationKey({ doc: "Overrides `proxy.read_timeout`." }),
    max_concurrent: integerKey({
      initial: 0,
      min: 0,
      doc: "Requests at once; further ones go to another endpoint with the model, else they wait (`proxy.queue`). 0 is no limit.",
    }),
    tier: choiceKey({
      initial: "local",
      choices: ["local", "cloud"],
      doc: "`cloud`: used only when no local endpoint can answer, and never for requests that must stay local: [fairness-and-cloud.md](fairness-and-cloud.md).",
    }),
    daily_tokens: integerKey({
      initial: 0,
      min: 0,
      doc: "Tokens a day, of questions and answers together, after which the endpoint gets no further requests until midnight of this machine's time zone. Counted anew after a restart. 0 is no limit.",
    }),
    tags: ignoredKey({
      status: "inert",
      reason: `${neverRead}; \`priority\`, \`weight\` and \`tier\` say who is preferred`,
      doc: "Labels of an endpoint.",
    }),
    tls: section({
      ca: stringKey({
        initial: "",
        allowEmpty: true,
        unit: "path",
        doc: "Certificate authority of the endpoint, PEM, read at start. It replaces the built-in list of authorities.",
      }),
      server_name: stringKey({
        initial: "",
        allowEmpty: true,
        check: checkServerName,
        doc: "Name that is asked for (SNI) and that the endpoint's certificate must carry. Unset: the host of `url`.",
      }),
      insecure_skip_verify: booleanKey({
        initial: false,
        doc: "Accept any certificate, which makes the connection readable for whoever is on the way. Warned about at every start.",
      }),
    }),
  },
  "One entry for each endpoint. Without this list Olla looks at the usual ports of this machine; an empty list means no endpoint.",
  (values, complain) => {
    const written = values.check_interval;
    if (typeof written !== "number") return;
    const interval = written === 0 ? defaultCheckIntervalMs : written;
    if (interval < shortestIntervalMs) {
      complain("check_interval", `expected at least 1s, got ${formatDuration(interval)}`);
      return;
    }
    const timeout = values.check_timeout;
    if (typeof timeout !== "number" || timeout === 0) return;
    if (timeout > longestProbeMs) {
      complain("check_timeout", `expected at most 30s, got ${formatDuration(timeout)}`);
    } else if (timeout >= interval) {
      const shown = `check_interval, which is ${formatDuration(interval)}`;
      complain("check_timeout", `expected less than ${shown}, got ${formatDuration(timeout)}`);
    }
  },
);

export const discovery = section(
  {
    type: choiceKey({ initial: "static", choices: ["static"], doc: "Where endpoints come from." }),
    refresh_interval: durationKey({
      initial: "30s",
      status: "inert",
      reason: `${neverRead}; \`check_interval\` and \`model_discovery.interval\` say how often`,
      doc: "How often endpoints are looked at.",
    }),
    health_check: ignoredKey({
      status: "inert",
      reason: `${neverRead}; \`check_interval\` and \`check_timeout\` are keys of each endpoint`,
      doc: "Settings of health checks for all endpoints.",
    }),
    model_discovery: modelDiscovery,
    static: section({
      endpoints: v.optional(
        v.nullable(
          v.array(endpointEntry, (issue) => `expected a list of endpoints, got ${describeType(issue.input)}`),
          () => [],
        ),
      ),
    }),
  },
  "Which endpoints there are and what they serve.",
);
