import { describeCidrFault } from "../lib/cidr.ts";
import { type CheckSection, section } from "./key.ts";
import {
  booleanKey,
  choiceKey,
  durationKey,
  ignoredKey,
  integerKey,
  secretKey,
  sizeKey,
  stringKey,
  stringListKey,
  unsetIntegerKey,
  unsetStringKey,
} from "./key-types.ts";

const mebibyte = 1024 ** 2;

const requestLimits = section({
  max_body_size: sizeKey({
    initial: "50MiB",
    env: ["OLLA_SERVER_MAX_BODY_SIZE"],
    doc: "Largest request body that is accepted; a larger one is answered with 413. 0 switches the limit off.",
  }),
  max_header_size: sizeKey({
    initial: "1MiB",
    adjust: (bytes) => (bytes === 0 ? mebibyte : Math.max(bytes, 4096)),
    env: ["OLLA_SERVER_MAX_HEADER_SIZE"],
    doc: "Largest request header block; a larger one is answered with 431. Less than 4 KiB counts as 4 KiB, 0 as the default. The listener itself stops at 1 MiB.",
  }),
});

const rateLimits = section({
  global_requests_per_minute: integerKey({
    initial: 0,
    min: 0,
    env: ["OLLA_SERVER_GLOBAL_RATE_LIMIT"],
    doc: "Requests a minute, all clients together. 0 is no limit: [limits-and-keys.md](limits-and-keys.md).",
  }),
  per_ip_requests_per_minute: integerKey({
    initial: 0,
    min: 0,
    env: ["OLLA_SERVER_PER_IP_RATE_LIMIT"],
    doc: "Requests a minute for each client address; IPv6 addresses count by /64. 0 is no limit.",
  }),
  health_requests_per_minute: integerKey({
    initial: 0,
    min: 0,
    env: ["OLLA_SERVER_HEALTH_RATE_LIMIT"],
    doc: "Requests a minute for `/internal/health`, for each client address. 0 is no limit.",
  }),
  burst_size: integerKey({
    initial: 50,
    min: 0,
    env: ["OLLA_SERVER_RATE_BURST_SIZE"],
    doc: "How many requests may come at once before a rate limit applies.",
  }),
  cleanup_interval: durationKey({
    initial: "5m",
    env: ["OLLA_SERVER_RATE_CLEANUP_INTERVAL"],
    doc: "How often the counters of silent clients are dropped. 0: only when there are too many.",
  }),
  trust_proxy_headers: booleanKey({
    initial: false,
    env: ["OLLA_SERVER_TRUST_PROXY_HEADERS"],
    doc: "Take the client address from `X-Forwarded-For` or `X-Real-IP` when the request comes out of `trusted_proxy_cidrs`.",
  }),
  trusted_proxy_cidrs: stringListKey({
    initial: ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
    unit: "CIDR ranges",
    check: describeCidrFault,
    env: ["OLLA_SERVER_TRUSTED_PROXY_CIDRS"],
    doc: "Proxies whose word about the client address is believed.",
  }),
  per_endpoint: ignoredKey({
    status: "inert",
    reason: "nothing ever read it; `max_concurrent` of an endpoint limits it",
    doc: "A limit for each endpoint, planned once and never built.",
  }),
});

/** As in RFC 9110: names of headers and methods. `*` is one, too. */
function isToken(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text);
}

/** Scheme, host and port, and nothing behind it; browsers leave out the port that is usual for the scheme. */
function isOrigin(text: string): boolean {
  if (text === "null" || text.includes("*")) return !/\s|[^:/]\/$/.test(text);
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@]*$/i.test(text)) return false;
  return !/^http:.*:80$|^https:.*:443$/i.test(text);
}

const checkCors: CheckSection = (values, complain) => {
  if (values.enabled !== true || !Array.isArray(values.allowed_origins)) return;
  if (values.allowed_origins.length === 0)
    complain("allowed_origins", "expected at least one origin, got none");
  if (values.allow_credentials === true && values.allowed_origins.includes("*")) {
    complain(
      "allow_credentials",
      'expected false, because allowed_origins contains "*"; name the origins instead',
    );
  }
  const headerNames = ["exposed_headers", "allowed_headers", "allowed_methods"].flatMap((key) => {
    const list = values[key];
    return (Array.isArray(list) ? list : []).map((name: unknown) => ({ key, name }));
  });
  for (const { key, name } of headerNames) {
    if (typeof name === "string" && name !== "" && !isToken(name)) {
      complain(key, `expected names of letters, digits and dashes, got ${JSON.stringify(name)}`);
    }
  }
  const maxAge = values.max_age;
  if (typeof maxAge === "number" && maxAge < 0) {
    complain("max_age", `expected 0 or more seconds, got ${maxAge} (server.cors.max_age)`);
  }
  values.allowed_origins.forEach((origin: unknown) => {
    if (typeof origin === "string" && origin.split("*").length > 2) {
      complain("allowed_origins", `expected at most one "*" in an origin, got ${JSON.stringify(origin)}`);
    } else if (typeof origin === "string" && origin !== "" && !isOrigin(origin)) {
      complain(
        "allowed_origins",
        `expected an origin as browsers send it, such as https://chat.example.com, got ${JSON.stringify(origin)}`,
      );
    }
  });
};

const cors = section(
  {
    enabled: booleanKey({
      initial: false,
      env: ["OLLA_SERVER_CORS_ENABLED"],
      doc: "Answer preflight requests and let the origins below read answers.",
    }),
    allowed_origins: stringListKey({
      initial: ["*"],
      env: ["OLLA_SERVER_CORS_ALLOWED_ORIGINS"],
      doc: "Origins that may call; one `*` inside an origin stands for anything.",
    }),
    allowed_methods: stringListKey({
      initial: ["GET", "POST", "OPTIONS"],
      env: ["OLLA_SERVER_CORS_ALLOWED_METHODS"],
      doc: "Methods that a page may use. An empty list means GET, POST and HEAD.",
    }),
    allowed_headers: stringListKey({
      initial: ["*"],
      env: ["OLLA_SERVER_CORS_ALLOWED_HEADERS"],
      doc: "Request headers that a page may set. An empty list means accept, content-type and x-requested-with.",
    }),
    exposed_headers: stringListKey({
      initial: [],
      env: ["OLLA_SERVER_CORS_EXPOSED_HEADERS"],
      doc: "Response headers that a page may read. An empty list means all `X-Olla-*` headers.",
    }),
    allow_credentials: booleanKey({
      initial: false,
      env: ["OLLA_SERVER_CORS_ALLOW_CREDENTIALS"],
      doc: "Let pages send cookies and credentials. Not together with the origin `*`.",
    }),
    max_age: integerKey({
      initial: 300,
      unit: "seconds",
      env: ["OLLA_SERVER_CORS_MAX_AGE"],
      doc: "How long a browser may remember the answer to a preflight request.",
    }),
  },
  "Cross-origin requests from web pages. Only checked when enabled.",
  checkCors,
);

export const server = section(
  {
    host: stringKey({
      initial: "localhost",
      unit: "host name or address",
      check: (host) => (host === "unix:" ? "expected a path behind unix:, got nothing" : undefined),
      env: ["OLLA_SERVER_HOST"],
      doc: "Address to listen on. `0.0.0.0` listens on all of them; IPv6 needs no brackets; `unix:/run/olla/olla.sock` is a Unix socket and has no port.",
    }),
    port: integerKey({
      initial: 40114,
      min: 1,
      max: 65535,
      env: ["OLLA_SERVER_PORT"],
      doc: "TCP port to listen on.",
    }),
    read_timeout: durationKey({
      initial: "30s",
      env: ["OLLA_SERVER_READ_TIMEOUT"],
      doc: "How long a client may take to send a whole request. 0 is no limit.",
    }),
    read_header_timeout: durationKey({
      initial: "10s",
      status: "inert",
      reason: "Bun closes a connection without complete headers after about 12 s, whatever is configured",
      env: ["OLLA_SERVER_READ_HEADER_TIMEOUT"],
      doc: "How long a client may take to send the request headers.",
    }),
    write_timeout: durationKey({
      initial: "0s",
      env: ["OLLA_SERVER_WRITE_TIMEOUT"],
      doc: "Longest time an answer may take; with `proxy.response_timeout` the shorter one counts. 0 is no limit; anything else cuts long streams and is warned about.",
    }),
    idle_timeout: durationKey({
      initial: "0s",
      doc: "How long an idle keep-alive connection stays open. 0 means the value of `read_timeout`.",
    }),
    shutdown_timeout: durationKey({
      initial: "10s",
      doc: "How long running requests may take to finish when Olla is told to stop. 0 cuts them at once.",
    }),
    request_logging: booleanKey({
      initial: true,
      env: ["OLLA_SERVER_REQUEST_LOGGING"],
      doc: "Write one line for each request.",
    }),
    bare_routes: booleanKey({
      initial: true,
      env: "auto",
      doc: "Serve `/v1/*` (as `/olla/openai/v1/*`, `/v1/messages` as `/olla/anthropic/v1/messages`) and `/api/*` (as `/olla/proxy/api/*`) also without `/olla/…` in front, for programs that cannot set a path.",
    }),
    request_limits: requestLimits,
    rate_limits: rateLimits,
    cors,
    tls: section(
      {
        cert: unsetStringKey({
          unit: "path",
          env: "auto",
          doc: "Certificate chain, PEM, the server's own certificate first. With `key` it makes the listener speak https; a changed file is taken into use without a restart.",
        }),
        key: unsetStringKey({ unit: "path", env: "auto", doc: "Private key, PEM, without a passphrase." }),
        min_version: choiceKey({
          initial: "1.2",
          choices: ["1.2", "1.3"],
          env: "auto",
          doc: "Oldest TLS version that is accepted.",
        }),
        client_ca: unsetStringKey({
          unit: "path",
          env: "auto",
          doc: "Certificate authority, PEM. When set, clients must show a certificate of it.",
        }),
      },
      "",
      (values, complain) => {
        if (values.cert === undefined && values.key === undefined) {
          if (values.client_ca !== undefined) {
            complain("client_ca", "expected nothing, because server.tls.cert and server.tls.key are not set");
          }
          return;
        }
        if (values.cert !== undefined && values.key !== undefined) return;
        const [missing, present] = values.cert === undefined ? ["cert", "key"] : ["key", "cert"];
        complain(missing, `expected a path, because server.tls.${present} is set, got nothing`);
      },
    ),
    admin: section(
      {
        key: secretKey({
          env: "auto",
          doc: "Key of at least 16 characters that `/internal/` asks for, and whatever changes something. Variables as in `auth` of an endpoint. Unset: everybody may read, and programs on this machine may change: [admin-and-browsers.md](admin-and-browsers.md).",
        }),
        key_file: unsetStringKey({
          unit: "path",
          env: "auto",
          doc: "File that holds the admin key, read at start.",
        }),
        port: unsetIntegerKey({
          min: 1,
          max: 65535,
          env: "auto",
          doc: "Serve `/internal/` and what changes something at this port only. `/internal/health` is at both.",
        }),
      },
      "",
      (values, complain) => {
        if (values.key !== undefined && values.key_file !== undefined) {
          complain("key_file", "expected nothing, because server.admin.key is set; give one of the two");
        }
      },
    ),
  },
  "The listener and what it accepts.",
  (values, complain) => {
    const { admin } = values;
    if (typeof admin !== "object" || admin === null || !("port" in admin)) return;
    if (admin.port !== undefined && typeof values.host === "string" && values.host.startsWith("unix:")) {
      complain(
        "admin.port",
        "expected nothing, because server.host is a Unix socket; requests there are local",
      );
    } else if (admin.port !== undefined && admin.port === values.port) {
      complain("admin.port", `expected another port than server.port, got ${admin.port}`);
    }
  },
);
