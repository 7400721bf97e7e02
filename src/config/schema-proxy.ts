import { section } from "./key.ts";
import {
  booleanKey,
  choiceKey,
  durationKey,
  globListKey,
  integerKey,
  integerListKey,
  numberKey,
  sizeKey,
  stringListKey,
  unsetDurationKey,
  unsetIntegerKey,
} from "./key-types.ts";

const stickySessions = section({
  enabled: booleanKey({
    initial: false,
    env: ["OLLA_PROXY_STICKY_SESSIONS_ENABLED"],
    doc: "Send later turns of a conversation to the endpoint that has its prompt cached.",
  }),
  idle_ttl_seconds: integerKey({
    initial: 600,
    min: 0,
    unit: "seconds",
    doc: "A session is forgotten after this long without a request. 0 is never.",
  }),
  max_sessions: integerKey({
    initial: 10_000,
    min: 0,
    doc: "Sessions kept; the longest unused one goes first. 0 is no limit.",
  }),
  key_sources: stringListKey({
    initial: ["session_header", "prefix_hash", "auth_header"],
    choices: ["session_header", "prefix_hash", "auth_header", "ip"],
    doc: "What identifies a conversation, in this order. `session_header` is `X-Olla-Session-ID` and, after it, what clients send on their own account: `X-Claude-Code-Session-Id`, and in the body `prompt_cache_key`, `previous_response_id`, `metadata.user_id`.",
  }),
  prefix_hash_bytes: integerKey({
    initial: 512,
    min: 0,
    unit: "bytes",
    doc: "How much of a conversation's beginning (system text and the messages through the user's first) is hashed. 0 is all of it.",
  }),
});

const retry = section({
  enabled: booleanKey({
    initial: true,
    env: "auto",
    doc: "Fail over to further endpoints.",
  }),
  on_connection_failure: booleanKey({
    initial: true,
    env: "auto",
    doc: "Fail over when an endpoint cannot be reached. With false the client gets that error at once.",
  }),
  max_attempts: integerKey({
    initial: 0,
    min: 0,
    env: "auto",
    doc: "Attempts for one request; with more attempts than candidates they are gone through again. 0 is each candidate once.",
  }),
  on_status: integerListKey({
    initial: [409, 429, 502, 503, 504, 529],
    min: 400,
    max: 599,
    unit: "HTTP statuses",
    doc: "Answers that send the request to the next candidate. 400, 401, 403, 413 and 422 never do.",
  }),
  backoff: durationKey({
    initial: "0s",
    env: "auto",
    doc: "Pause before the second attempt; it doubles with each further one.",
  }),
  max_backoff: durationKey({ initial: "2s", env: "auto", doc: "Longest pause." }),
  jitter: numberKey({
    initial: 0.2,
    min: 0,
    max: 1,
    env: "auto",
    doc: "Share of a pause that is left to chance.",
  }),
});

const circuitBreaker = section({
  enabled: booleanKey({
    initial: true,
    env: "auto",
    doc: "Stop sending to an endpoint that keeps failing (engine `olla`).",
  }),
  failure_threshold: integerKey({
    initial: 3,
    min: 1,
    env: "auto",
    doc: "Failures in a row that open the breaker.",
  }),
  open_duration: durationKey({
    initial: "30s",
    shortest: "1ms",
    env: "auto",
    doc: "How long nothing is sent before one request may try again.",
  }),
  failure_rate: numberKey({
    initial: 0,
    min: 0,
    max: 1,
    env: "auto",
    doc: "Share of failures within `window` that opens the breaker as well. 0 is off.",
  }),
  window: durationKey({
    initial: "1m",
    shortest: "1s",
    env: "auto",
    doc: "Time over which `failure_rate` is counted.",
  }),
});

export const proxy = section(
  {
    engine: choiceKey({
      initial: "sherpa",
      choices: ["sherpa", "olla"],
      env: ["OLLA_PROXY_ENGINE"],
      doc: "How requests travel: `sherpa` is simple, `olla` keeps a connection pool for each address and a breaker for each endpoint.",
    }),
    load_balancer: choiceKey({
      initial: "priority",
      choices: ["priority", "round-robin", "least-connections"],
      env: ["OLLA_PROXY_LOAD_BALANCER"],
      doc: "Which of several healthy endpoints gets a request.",
    }),
    profile: choiceKey({
      initial: "auto",
      choices: ["auto", "streaming", "standard"],
      env: ["OLLA_PROXY_PROFILE"],
      doc: "How answers are delivered: piece by piece, collected, or as each request asks.",
    }),
    connection_timeout: durationKey({
      initial: "10s",
      doc: "How long connecting to an endpoint may take before the next one is tried. 0 is no limit.",
    }),
    connection_keep_alive: durationKey({
      initial: "30s",
      status: "inert",
      reason: "Bun sets TCP keep-alive itself and offers no interval",
      env: ["OLLA_PROXY_CONNECTION_KEEP_ALIVE"],
      doc: "Interval of TCP keep-alive packets.",
    }),
    response_timeout: durationKey({
      initial: "0s",
      env: ["OLLA_PROXY_RESPONSE_TIMEOUT"],
      doc: "Total time of an answer, from the request's arrival to its last byte. 0 is no limit.",
    }),
    read_timeout: durationKey({
      initial: "10m",
      env: ["OLLA_PROXY_READ_TIMEOUT"],
      doc: "Longest silence inside an answer, counted from its first body byte. 0 is no limit.",
    }),
    response_header_timeout: durationKey({
      initial: "30m",
      env: ["OLLA_PROXY_RESPONSE_HEADER_TIMEOUT"],
      doc: "How long an endpoint may think before the first byte of its answer. 0 is no limit.",
    }),
    tls_handshake_timeout: durationKey({
      initial: "10s",
      status: "inert",
      reason:
        "Bun offers no limit for the handshake alone; `response_header_timeout` ends an attempt that hangs there",
      env: ["OLLA_PROXY_TLS_HANDSHAKE_TIMEOUT"],
      doc: "How long the TLS handshake with an endpoint may take.",
    }),
    stream_buffer_size: sizeKey({
      initial: 0,
      doc: "Largest single write of a streamed answer, and what a collected one is gathered up to, from 2KB to 64KB. 0: 8KB with `sherpa`, 64KB with `olla`.",
    }),
    max_buffered_bytes: sizeKey({
      initial: "512MiB",
      env: "auto",
      doc: "Request bodies held for a second attempt, all requests together. Past it requests get 503 with `Retry-After`. 0 is no limit.",
    }),
    keepalive_interval: durationKey({
      initial: "0s",
      env: "auto",
      doc: "Write into an event stream that has been silent this long: a comment, or a `ping` where the client speaks Anthropic. Begins after the first content. 0 is off.",
    }),
    early_commit: booleanKey({
      initial: false,
      env: "auto",
      doc: "Answer a stream's head before the endpoint does; failures then come as events in the stream.",
    }),
    prefer_loaded: booleanKey({
      initial: true,
      env: "auto",
      doc: "Among endpoints that the balancer holds equal, prefer one that has the model in memory already. Asks endpoints in the background what they have loaded.",
    }),
    inject_usage: booleanKey({
      initial: false,
      env: "auto",
      doc: "Ask for the token counts of a stream whose client does not, and keep them from it. Only of kinds whose profile has `metrics.stream_usage`.",
    }),
    max_retries: unsetIntegerKey({
      min: 0,
      doc: "An older name: `retry.max_attempts` without the first one. Counts only where that key is unset.",
    }),
    retry_backoff: unsetDurationKey({
      doc: "An older name of `retry.backoff`. Counts only where that key is unset.",
    }),
    profile_filter: section({
      include: globListKey({ initial: [], doc: "Profiles to load, by name. Empty: all." }),
      exclude: globListKey({ initial: [], doc: "Profiles not to load. Stronger than `include`." }),
    }),
    sticky_sessions: stickySessions,
    retry,
    circuit_breaker: circuitBreaker,
    queue: section({
      max: integerKey({
        initial: 100,
        min: 0,
        env: "auto",
        doc: "Requests that may wait for one busy endpoint; further ones get 429. 0: nobody waits.",
      }),
      timeout: durationKey({
        initial: "30s",
        env: "auto",
        doc: "How long a request may wait for its turn. 0 is as long as its client stays.",
      }),
    }),
    overflow: section({
      after: durationKey({
        initial: "5s",
        env: "auto",
        doc: "A request that has waited this long for a local endpoint may go to one of the tier `cloud`. 0: at once.",
      }),
    }),
  },
  "How requests travel to endpoints.",
);
