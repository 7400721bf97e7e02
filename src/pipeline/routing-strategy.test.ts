import { describe, expect, test } from "bun:test";
import {
  createRoutingStrategy,
  type FallbackBehaviour,
  type RefreshOutcome,
  type RoutingStrategySettings,
} from "./routing-strategy.ts";

interface Situation {
  readonly isKnown?: boolean;
  readonly having?: readonly string[];
  readonly unread?: readonly string[];
  readonly usable?: readonly string[];
  readonly refreshed?: RefreshOutcome;
}

function decide(settings: Partial<RoutingStrategySettings>, where: Situation): string {
  const strategy = createRoutingStrategy({
    type: "strict",
    fallback: "compatible_only",
    refreshOnMiss: false,
    ...settings,
  });
  const { having = [], unread = [], usable = ["up"] } = where;
  const verdict = strategy({
    isKnown: where.isKnown ?? having.length > 0,
    having,
    unread: () => unread,
    usable: () => usable,
    refreshed: where.refreshed,
  });
  if (verdict.kind === "refresh") return "refresh";
  const { strategy: name, action, reason } = verdict.decision;
  const result = verdict.kind === "places" ? verdict.places.join() : verdict.code;
  return `${name} ${action} ${reason} → ${result}`;
}

const known: Situation = { isKnown: true };
const unknown: Situation = { isKnown: false };
const found: Situation = { having: ["a", "b"] };
const none: FallbackBehaviour = "none";
const all: FallbackBehaviour = "all";
const optimistic = { type: "optimistic" } as const;
const discovery = { type: "discovery" } as const;
const refreshing = { ...discovery, refreshOnMiss: true } as const;

describe("each row of the table", () => {
  const rows: readonly [Partial<RoutingStrategySettings>, Situation, string][] = [
    [{}, unknown, "strict rejected model_not_found → model_not_found"],
    [{}, known, "strict rejected model_unavailable → model_unavailable"],
    [{}, found, "strict routed model_found → a,b"],
    [optimistic, unknown, "optimistic rejected model_not_found → model_not_found"],
    [{ ...optimistic, fallback: none }, unknown, "optimistic rejected model_not_found → model_not_found"],
    [{ ...optimistic, fallback: all }, unknown, "optimistic fallback model_not_found_fallback → up"],
    [
      { ...optimistic, fallback: none },
      known,
      "optimistic rejected model_unavailable_no_fallback → model_unavailable",
    ],
    [optimistic, known, "optimistic rejected model_unavailable_compatible_only → model_unavailable"],
    [{ ...optimistic, fallback: all }, known, "optimistic fallback all_healthy_fallback → up"],
    [{ ...optimistic, fallback: all }, found, "optimistic routed model_found → a,b"],
    [discovery, found, "discovery routed model_found_no_refresh → a,b"],
    [discovery, known, "discovery rejected model_unavailable_no_refresh → model_unavailable"],
    [discovery, unknown, "discovery rejected model_not_found → model_not_found"],
    [refreshing, found, "discovery routed model_found_no_refresh → a,b"],
    [refreshing, unknown, "refresh"],
    [refreshing, known, "refresh"],
    [refreshing, { ...found, refreshed: "done" }, "discovery routed model_found → a,b"],
    [refreshing, { ...found, refreshed: "failed" }, "discovery routed model_found → a,b"],
    [
      { ...refreshing, fallback: none },
      { ...known, refreshed: "failed" },
      "discovery rejected discovery_failed_no_fallback → model_unavailable",
    ],
    [
      refreshing,
      { ...known, refreshed: "failed" },
      "discovery rejected discovery_failed_compatible_only → model_unavailable",
    ],
    [
      { ...refreshing, fallback: all },
      { ...unknown, refreshed: "failed" },
      "discovery fallback discovery_failed_all_fallback → up",
    ],
    [
      { ...refreshing, fallback: none },
      { ...unknown, refreshed: "done" },
      "discovery rejected model_unavailable_after_discovery → model_unavailable",
    ],
    [
      refreshing,
      { ...known, refreshed: "done" },
      "discovery rejected model_unavailable_after_discovery → model_unavailable",
    ],
    [
      { ...refreshing, fallback: all },
      { ...known, refreshed: "done" },
      "discovery fallback all_healthy_after_discovery → up",
    ],
  ];
  for (const [settings, where, expected] of rows) {
    const { type = "strict", fallback = "compatible_only", refreshOnMiss = false } = settings;
    const situation = where.having === undefined ? (where.isKnown ? "known" : "unknown") : "found";
    test(`${type} ${fallback} ${refreshOnMiss ? "refreshing " : ""}${situation} ${where.refreshed ?? ""}: ${expected}`, () => {
      expect(decide(settings, where)).toBe(expected);
    });
  }
});

test("who was never read is asked before anybody gives up, whatever the strategy", () => {
  for (const settings of [{}, optimistic, discovery]) {
    for (const where of [known, unknown]) {
      expect(decide(settings, { ...where, unread: ["new"] })).toEndWith("fallback models_not_read_yet → new");
    }
  }
  expect(decide(refreshing, { refreshed: "failed", unread: ["new"] })).toEndWith("→ new");
});

test("a fallback to everybody needs somebody", () => {
  const nobody: Situation = { isKnown: true, usable: [] };
  expect(decide({ ...optimistic, fallback: all }, nobody)).toEndWith("model_unavailable");
  expect(decide({ ...optimistic, fallback: all }, { usable: [] })).toEndWith("model_not_found");
  expect(decide({ ...refreshing, fallback: all }, { ...nobody, refreshed: "done" })).toEndWith(
    "model_unavailable_after_discovery → model_unavailable",
  );
});
