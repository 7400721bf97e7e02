import { isDeepStrictEqual } from "node:util";
import type { SchemaNode } from "./key.ts";
import { type ListedKey, valueAt } from "./key-list.ts";
import { joinPath, type KeyPath, type ProblemKind } from "./problem.ts";
import { suggestKey, walkTree } from "./tree-walk.ts";

/** A warning before it has a position. */
export interface Notice {
  readonly kind: ProblemKind;
  readonly path: KeyPath;
  readonly message: string;
}

/**
 * Keys that are set to something that this version does not act on, and keys that nothing acts on.
 * @param tree what the user set @param parsed what the schema made of it, as far as it got
 */
export function findUnusedKeys(schema: SchemaNode, tree: unknown, parsed: unknown): Notice[] {
  const notices = new Map<string, Notice>();
  walkTree(schema, tree, {
    onUnknown() {},
    onKey(path, { metadata, readInitial }, raw) {
      if (raw === null || raw === undefined) return;
      const status = metadata.status ?? "active";
      const name = joinPath(path);
      if (notices.has(name)) return;
      if (status === "inert") {
        notices.set(name, { kind: "inert", path, message: `has no effect; ${metadata.reason}` });
        return;
      }
      if (status === "later" && !isDeepStrictEqual(valueAt(parsed, path), readInitial())) {
        notices.set(name, { kind: "later", path, message: "this version does not act on this key yet" });
      }
    },
  });
  return [...notices.values()];
}

export function findUnknownKeys(schema: SchemaNode, tree: unknown, keys: readonly ListedKey[]): Notice[] {
  const notices: Notice[] = [];
  walkTree(schema, tree, {
    onKey() {},
    onUnknown(path, siblings) {
      const meant = suggestKey(path, siblings, keys);
      const hint = meant === undefined ? "" : `; did you mean \`${meant}\`?`;
      notices.push({ kind: "unknown-key", path, message: `no such key, it is ignored${hint}` });
    },
  });
  return notices;
}

/** The client's fault, or meant for it; the failover policy leaves them alone whatever is configured. */
const neverRetried = [400, 401, 403, 413, 422];

interface Advice {
  readonly path: string;
  applies(value: unknown): boolean;
  readonly message: string;
}

const isZero = (value: unknown): boolean => value === 0;
const isSet = (value: unknown): boolean => value !== undefined;
const isAbove =
  (limit: number) =>
  (value: unknown): boolean =>
    typeof value === "number" && value > limit;

const adviceByKey: readonly Advice[] = [
  {
    path: "server.write_timeout",
    applies: isAbove(0),
    message: "cuts every answer that takes longer, streams too; 0s is usually right",
  },
  {
    path: "proxy.response_timeout",
    applies: isAbove(0),
    message: "ends every answer that takes longer, streams too; 0s is no limit",
  },
  {
    path: "proxy.read_timeout",
    applies: isZero,
    message: "with 0 an answer may fall silent for ever; 10m is usual",
  },
  {
    path: "proxy.profile",
    applies: (profile) => profile === "standard",
    message: "holds streams back until a write is full; `auto` does so with files only",
  },
  {
    path: "proxy.max_retries",
    applies: isSet,
    message: "an older name of `proxy.retry.max_attempts`, which is one more; counts where that is not set",
  },
  {
    path: "proxy.retry_backoff",
    applies: isSet,
    message: "an older name of `proxy.retry.backoff`; counts where that is not set",
  },
  {
    path: "server.idle_timeout",
    applies: isAbove(255_000),
    message: "counts as 255s: Bun cannot wait longer",
  },
  {
    path: "proxy.stream_buffer_size",
    applies: (bytes) => isAbove(0)(bytes) && (isAbove(64 * 1024)(bytes) || !isAbove(2047)(bytes)),
    message: "less than 2KB counts as 2KB, more than 64KB as 64KB",
  },
  {
    path: "server.request_limits.max_header_size",
    applies: isAbove(1024 ** 2),
    message: "the listener refuses more than 1MiB whatever is set here",
  },
  {
    path: "server.rate_limits.burst_size",
    applies: isZero,
    message: "with 0 a rate limit refuses every request",
  },
];

/** Settings that are valid and do what they say, but seldom what is wanted. */
export function findAdvice(parsed: unknown): Notice[] {
  const notices: Notice[] = [];
  const advise = (path: string, message: string) => {
    notices.push({ kind: "advice", path: path.split("."), message });
  };
  for (const { path, applies, message } of adviceByKey) {
    if (applies(valueAt(parsed, path.split(".")))) advise(path, message);
  }
  const sticky = valueAt(parsed, ["proxy", "sticky_sessions"]);
  if (valueAt(sticky, ["enabled"]) === true && valueAt(sticky, ["idle_ttl_seconds"]) === 0) {
    advise("proxy.sticky_sessions.idle_ttl_seconds", "with 0 a session is never forgotten for its age");
  }
  const onStatus = valueAt(parsed, ["proxy", "retry", "on_status"]);
  const pointless = neverRetried.filter((status) => Array.isArray(onStatus) && onStatus.includes(status));
  if (pointless.length > 0) {
    const subject = pointless.length === 1 ? "is" : "are";
    advise(
      "proxy.retry.on_status",
      `${pointless.join(", ")} ${subject} never retried: the answer is about the request`,
    );
  }
  return notices;
}
