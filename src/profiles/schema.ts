import * as v from "valibot";
import { parseDuration } from "../lib/duration.ts";
import { compileMetrics, metricsSchema } from "./metrics-block.ts";
import { compileNameHints, modelsSchema } from "./name-hints.ts";
import {
  fleetAnswers,
  type HeaderMark,
  type ListFormat,
  listFormats,
  loadedFormats,
  type Profile,
  type ProfileListing,
} from "./profile.ts";

const text = v.pipe(v.string(), v.trim());
const path = v.pipe(v.string(), v.startsWith("/", "expected a path that begins with /"));
const basePath = v.pipe(
  path,
  v.transform((value) => value.replace(/\/+$/, "")),
);
const duration = v.pipe(
  v.union([v.string(), v.literal(0)], 'expected a duration such as "60m"'),
  v.transform((value) => parseDuration(String(value))),
  v.number('expected a duration such as "60m"'),
  v.minValue(0, "expected a duration that is not negative"),
);
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

/** `Name`, `Name: value`, or the mapping that YAML makes of the latter without quotes. */
const headerMark = v.pipe(
  v.union([text, v.record(v.string(), v.string())], 'expected a header such as "Server: llama.cpp"'),
  v.transform((value): HeaderMark[] =>
    typeof value === "string"
      ? [parseHeaderMark(value)]
      : Object.entries(value).map(([name, content]) => ({ name, value: content })),
  ),
);

function parseHeaderMark(line: string): HeaderMark {
  const colon = line.indexOf(":");
  if (colon < 0) return { name: line };
  return { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
}

const loadedModels = v.union(
  [v.literal("always"), v.array(v.strictObject({ path, format: v.picklist(loadedFormats) }))],
  `expected "always" or a list of { path, format } with a format of ${loadedFormats.join(", ")}`,
);

/** Kinds that existing profile files name as a format, and whose lists are OpenAI's own. */
export const openaiFormats: readonly string[] = ["litellm", "omlx"];

/** What we read of a profile's YAML. Other keys are judged by `unknown-keys.ts` before this is applied. */
export const profileSchema = v.object({
  name: v.pipe(text, v.nonEmpty("expected a name")),
  display_name: v.optional(text),
  aliases: v.optional(v.array(text), []),
  routing: v.optional(v.object({ prefixes: v.optional(v.array(v.pipe(text, v.nonEmpty())), []) }), {}),
  api: v.optional(
    v.object({
      openai_compatible: v.optional(v.boolean(), false),
      model_discovery_path: v.optional(path, "/v1/models"),
      health_check_path: v.optional(path, "/"),
      openai_base: v.optional(basePath, "/v1"),
      paths: v.optional(v.array(path), []),
      listings: v.optional(v.array(v.object({ path, format: v.picklist(listFormats) }))),
      unsupported: v.optional(v.array(v.object({ path, reason: text })), []),
      anthropic_support: v.optional(
        v.object({
          enabled: v.optional(v.boolean(), false),
          messages_path: v.optional(path, "/v1/messages"),
          token_count: v.optional(v.boolean(), false),
          limitations: v.optional(v.array(text), []),
          // What every model of Anthropic's since the third generation can write, and most servers allow.
          default_max_tokens: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 4096),
        }),
      ),
      answers: v.optional(v.array(v.object({ path, answer: v.picklist(fleetAnswers) })), []),
      management: v.optional(v.array(path), []),
    }),
    {},
  ),
  characteristics: v.optional(
    v.object({
      max_concurrent_requests: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 10),
    }),
    {},
  ),
  loaded_models: v.optional(loadedModels),
  detection: v.optional(
    v.object({
      default_ports: v.optional(v.array(port), []),
      owned_by: v.optional(v.array(v.pipe(text, v.nonEmpty())), []),
      headers: v.optional(v.array(headerMark), []),
      // The reference's files use both names.
      response_headers: v.optional(v.array(headerMark), []),
      probes: v.optional(v.array(v.object({ path, contains: v.pipe(v.string(), v.nonEmpty()) })), []),
    }),
    {},
  ),
  models: modelsSchema,
  metrics: metricsSchema,
  request: v.optional(v.object({ response_format: v.optional(v.string(), "openai") }), {}),
  timeouts: v.optional(
    v.object({
      connect: v.optional(duration),
      response_header: v.optional(duration),
      read: v.optional(duration),
    }),
    {},
  ),
});

export type ProfileFile = v.InferOutput<typeof profileSchema>;

/** @returns the parser to use, or `undefined` when nothing of that name is known. */
export function findListFormat(responseFormat: string): ListFormat | undefined {
  const wanted = responseFormat.trim().toLowerCase();
  const own = listFormats.find((format) => format === wanted || format === wanted.replaceAll("-", ""));
  return own ?? (openaiFormats.includes(wanted) || wanted === "" ? "openai" : undefined);
}

export function toProfile(file: ProfileFile): Profile {
  const { extraction: metrics } = compileMetrics(file.metrics);
  const nameHints = compileNameHints(file.models);
  const listFormat = findListFormat(file.request.response_format) ?? "openai";
  return {
    name: file.name,
    displayName: file.display_name || file.name,
    aliases: file.aliases,
    prefixes: file.routing.prefixes,
    openaiCompatible: file.api.openai_compatible,
    openaiBase: file.api.openai_base,
    healthCheckPath: file.api.health_check_path,
    modelDiscoveryPath: file.api.model_discovery_path,
    listFormat,
    paths: file.api.paths,
    listings: file.api.listings ?? defaultListings(file, listFormat),
    unsupportedPaths: file.api.unsupported,
    fleetAnswers: file.api.answers,
    managementPaths: file.api.management,
    timeouts: {
      ...(file.timeouts.connect === undefined ? {} : { connectMs: file.timeouts.connect }),
      ...(file.timeouts.response_header === undefined
        ? {}
        : { responseHeaderMs: file.timeouts.response_header }),
      ...(file.timeouts.read === undefined ? {} : { readMs: file.timeouts.read }),
    },
    maxConcurrentRequests: file.characteristics.max_concurrent_requests,
    ...(file.loaded_models === undefined ? {} : { loadedModels: file.loaded_models }),
    defaultPorts: file.detection.default_ports,
    ownerMarks: file.detection.owned_by,
    headerMarks: [...file.detection.headers, ...file.detection.response_headers].flat(),
    probes: file.detection.probes,
    ...(nameHints === undefined ? {} : { nameHints }),
    ...anthropicSupport(file),
    ...(metrics === undefined ? {} : { metrics }),
  };
}

function anthropicSupport({ api }: ProfileFile): Pick<Profile, "anthropic"> {
  const support = api.anthropic_support;
  if (support?.enabled !== true) return {};
  const { messages_path: messagesPath, token_count: countsTokens, limitations } = support;
  const isOnlyDialect =
    !api.openai_compatible && !api.paths.some((listed) => listed.endsWith("/chat/completions"));
  return {
    anthropic: {
      messagesPath,
      countsTokens,
      limitations,
      isOnlyDialect,
      defaultMaxTokens: support.default_max_tokens,
    },
  };
}

/** For files written before `listings` existed: the native list, and OpenAI's where the kind speaks it. */
function defaultListings(file: ProfileFile, format: ListFormat): ProfileListing[] {
  const nativePath = file.api.model_discovery_path;
  const native = nativePath === "/v1/models" ? [] : [{ path: nativePath, format }];
  const openai: ProfileListing[] = file.api.openai_compatible
    ? [{ path: "/v1/models", format: "openai" }]
    : [];
  return [...native, ...openai];
}
