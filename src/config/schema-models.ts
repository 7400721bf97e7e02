import { isDangerousFolder } from "./dangerous-folder.ts";
import { section } from "./key.ts";
import { booleanKey, choiceKey, durationKey, ignoredKey, sizeKey, stringKey } from "./key-types.ts";
import { describeValue } from "./problem.ts";

const positiveOr = (fallback: string) => `0 means ${fallback}.`;

export const modelRegistry = section(
  {
    type: choiceKey({
      initial: "memory",
      choices: ["memory"],
      spellings: { "": "memory" },
      env: ["OLLA_MODEL_REGISTRY_TYPE"],
      doc: "Where the model catalog is kept.",
    }),
    enable_unifier: booleanKey({
      initial: true,
      env: ["OLLA_MODEL_UNIFIER_ENABLED"],
      doc: "Show one model that several endpoints have as one entry in `/olla/models`. Off: an entry for each, with the id `name@endpoint`; names find and route as before.",
    }),
    unification: section({
      enabled: ignoredKey({
        status: "inert",
        reason: "nothing ever read it; `model_registry.enable_unifier` is the switch",
        doc: "Unify models.",
      }),
      stale_threshold: durationKey({
        initial: "24h",
        isAge: true,
        doc: `A model that no endpoint has shown for this long is forgotten. ${positiveOr("24h")}`,
      }),
      cleanup_interval: durationKey({
        initial: "10m",
        doc: `How often forgotten models are cleared away. ${positiveOr("5m")}`,
      }),
      untagged_is_latest: booleanKey({
        initial: false,
        doc: "Whether `tiny` at one endpoint and `tiny:latest` at another are one model, so that either name finds both. Off: `tiny` finds both, `tiny:latest` only itself.",
      }),
    }),
    routing_strategy: section({
      type: choiceKey({
        initial: "strict",
        choices: ["strict", "optimistic", "discovery"],
        doc: "What happens to a model that no healthy endpoint has: refuse, try anyway as `fallback_behavior` allows, or ask the endpoints first.",
      }),
      options: section({
        fallback_behavior: choiceKey({
          initial: "compatible_only",
          choices: ["compatible_only", "none", "all"],
          spellings: { "": "compatible_only" },
          doc: "Where `optimistic` and `discovery` may send such a request: `all` means any healthy endpoint, the others only where the model is known to be.",
        }),
        discovery_timeout: durationKey({
          initial: "2s",
          doc: `How long \`discovery\` may ask before it decides. ${positiveOr("2s")}`,
        }),
        discovery_refresh_on_miss: booleanKey({
          initial: false,
          doc: "Whether `discovery` asks the endpoints again when a model is not known.",
        }),
      }),
    }),
  },
  "What is remembered about models, and how a model name chooses an endpoint.",
);

const inspector = section(
  {
    enabled: booleanKey({
      initial: false,
      doc: "Write requests and answers of this API to files, one for each day and session. They contain everything that was said; what looks like a credential is left out. A file takes up to 100 MiB.",
    }),
    output_dir: stringKey({
      initial: "logs/inspector/anthropic",
      allowEmpty: true,
      unit: "path",
      doc: "Folder for these files. Empty means `./inspector-logs`.",
    }),
    session_header: stringKey({
      initial: "X-Session-ID",
      allowEmpty: true,
      unit: "header",
      doc: "Request header that names the session, and so the file; without it `X-Request-ID`, else `default`. Empty means `X-Session-ID`.",
    }),
  },
  "",
  (values, complain) => {
    if (values.enabled !== true) return;
    if (typeof values.output_dir === "string" && isDangerousFolder(values.output_dir)) {
      complain(
        "output_dir",
        `expected a folder of its own, got ${describeValue(values.output_dir)}, a dangerous system path`,
      );
    }
    const header = typeof values.session_header === "string" ? values.session_header.trim() : "";
    if (header !== "" && !isHeaderName(header)) {
      complain(
        "session_header",
        `expected a header name, got ${describeValue(header)} with invalid characters`,
      );
    }
  },
);

export const translators = section({
  anthropic: section(
    {
      enabled: booleanKey({
        initial: true,
        env: ["OLLA_TRANSLATORS_ANTHROPIC_ENABLED"],
        doc: "Serve the Anthropic Messages API under `/olla/anthropic`, and translate `/v1/messages` on every route. Off: such requests are only sent on.",
      }),
      passthrough_enabled: booleanKey({
        initial: true,
        env: ["OLLA_TRANSLATORS_ANTHROPIC_PASSTHROUGH_ENABLED"],
        doc: "Forward such a request unchanged to endpoints that speak the dialect themselves.",
      }),
      max_message_size: sizeKey({
        initial: "10MiB",
        max: 100 * 1024 ** 2,
        adjust: (bytes) => (bytes === 0 ? 10 * 1024 ** 2 : bytes),
        env: ["OLLA_TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE"],
        doc: "Largest request body of this API, on every route; a larger one is answered with 413. 0 is the default.",
      }),
      inspector,
    },
    "The Anthropic Messages API in front of any endpoint.",
  ),
});

/** RFC 9110 token. */
export function isHeaderName(text: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(text);
}
