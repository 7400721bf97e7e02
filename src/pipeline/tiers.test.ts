import { describe, expect, test } from "bun:test";
import { sampleCandidate } from "../../test/conformance/balancer.cases.ts";
import type { Candidate, Candidates } from "../balancer/balancer.ts";
import { OllaError } from "../errors.ts";
import { isLongerThan, roomierThan } from "./context-fit.ts";
import { inspect } from "./inspect.ts";
import { arrangeTiers, type Barrier, barCloud, routeWithin } from "./tiers.ts";

function local(name: string, more: Partial<Candidate> = {}): Candidate {
  return { ...sampleCandidate(name), ...more };
}

function cloud(name: string, more: Partial<Candidate> = {}): Candidate {
  const candidate = local(name, more);
  return { ...candidate, endpoint: { ...candidate.endpoint, isCloud: true, priority: 1000 } };
}

const fitsEverywhere = () => false;
const unknown = () => undefined;

function order(candidates: readonly Candidate[]): string[] {
  return candidates.map(
    ({ endpoint, rank, isOverflow }) => `${endpoint.name} ${rank ?? 0}${isOverflow ? " overflow" : ""}`,
  );
}

describe("cloud candidates", () => {
  test("come behind every step of the local ones, in steps of their own", () => {
    const candidates: Candidates = [
      cloud("far", { rank: 0 }),
      local("near", { rank: 1 }),
      cloud("farther", { rank: 2 }),
    ];
    expect(order(arrangeTiers(candidates, fitsEverywhere, unknown))).toEqual([
      "far 3 overflow",
      "near 1",
      "farther 5 overflow",
    ]);
  });

  test("are left as they are where they are all there is, and so are local ones", () => {
    for (const candidates of [[cloud("a"), cloud("b")], [local("a")]] as unknown as Candidates[]) {
      expect(arrangeTiers(candidates, fitsEverywhere, unknown)).toBe(candidates);
    }
  });

  test("come before local ones that are too small, and those are used only if nobody else is there", () => {
    const contextOf = ({ endpoint }: Candidate) => (endpoint.name === "small" ? 4096 : undefined);
    const isLong = (tokens: number) => tokens < 10_000;
    expect(order(arrangeTiers([local("small"), cloud("far")], isLong, contextOf))).toEqual([
      "small 2",
      "far 1",
    ]);
    expect(order(arrangeTiers([local("small"), local("large"), cloud("far")], isLong, contextOf))).toEqual([
      "small 2 overflow",
      "large 0",
      "far 1 overflow",
    ]);
  });

  test("that are too small themselves are no help", () => {
    expect(
      order(
        arrangeTiers(
          [local("small"), cloud("far")],
          () => true,
          () => 4096,
        ),
      ),
    ).toEqual(["small 0", "far 1 overflow"]);
  });
});

describe("what is barred", () => {
  const views = [local("near"), cloud("far")].map(({ endpoint, status }) => ({
    endpoint,
    health: { status },
  }));
  const barrier: Barrier = barCloud("its key says so");
  const accept = (names: readonly string[]) => (endpoints: typeof views) => {
    const candidates = endpoints
      .filter(({ endpoint }) => names.includes(endpoint.name))
      .map(({ endpoint, health }) => ({ endpoint, status: health.status, model: "m" }));
    const [first, ...others] = candidates;
    if (first !== undefined) return { candidates: [first, ...others] as Candidates, decision: undefined };
    return { error: new OllaError("model_not_found", "not there"), decision: undefined };
  };
  const decide = (names: readonly string[]) =>
    routeWithin(views, barrier, (endpoints) => accept(names)(endpoints as typeof views));

  test("is left out where something else will do", () => {
    const routed = decide(["near", "far"]);
    expect("candidates" in routed && routed.candidates.map(({ endpoint }) => endpoint.name)).toEqual([
      "near",
    ]);
  });

  test("is the reason where it alone would do", () => {
    const routed = decide(["far"]);
    expect("error" in routed && routed.error).toMatchObject({ code: "no_local_endpoint", status: 503 });
    expect("error" in routed && routed.error.message).toContain("its key says so");
  });

  test("is no reason where it would not do either", () => {
    const routed = decide([]);
    expect("error" in routed && routed.error.code).toBe("model_not_found");
  });
});

describe("how long a request is", () => {
  const bodyOf = (value: unknown) => inspect(new TextEncoder().encode(JSON.stringify(value)));

  test("is a token for every four bytes of its text, and nothing for pictures", () => {
    const text = bodyOf({ model: "m", messages: [{ role: "user", content: "x".repeat(4000) }] });
    expect([999, 1100].map(isLongerThan(text))).toEqual([true, false]);
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(40_000)}` } };
    const source = { type: "image", source: { type: "base64", data: "A".repeat(40_000) } };
    const picture = bodyOf({ model: "m", messages: [{ role: "user", content: [image, source] }] });
    expect(isLongerThan(picture)(100)).toBe(false);
  });

  test("is not known of what is no JSON object, and depth costs nothing", () => {
    expect(isLongerThan(inspect(new TextEncoder().encode("x".repeat(9000))))(10)).toBe(false);
    const deep = `{"model":"m","messages":${"[".repeat(20_000)}"${"x".repeat(900)}"${"]".repeat(20_000)}}`;
    expect(isLongerThan(inspect(new TextEncoder().encode(deep)))(100)).toBe(true);
  });
});

describe("a request that was refused because it is too long", () => {
  const overflow = JSON.stringify({
    error: { message: "request (9000 tokens) exceeds the available context size (8192 tokens)" },
  });
  const refusal = (text: string, status = 400) => ({
    status,
    body: { kind: "whole" as const, bytes: new TextEncoder().encode(text) },
  });
  const contexts: Record<string, number> = { larger: 32_768, same: 8192 };
  const contextOf = ({ endpoint }: Candidate) => contexts[endpoint.name];
  const left = [local("near"), cloud("same"), cloud("larger"), cloud("unknown")];
  const names = (candidates: readonly Candidate[]) => candidates.map(({ endpoint }) => endpoint.name);

  test("goes on to cloud endpoints that are not known to take no more", () => {
    expect(names(roomierThan(refusal(overflow), local("first"), left, contextOf))).toEqual([
      "larger",
      "unknown",
    ]);
  });

  test("and nowhere for any other refusal, or from one in the cloud", () => {
    expect(roomierThan(refusal('{"error":"no such tool"}'), local("first"), left, contextOf)).toEqual([]);
    expect(roomierThan(refusal(overflow, 404), local("first"), left, contextOf)).toEqual([]);
    expect(roomierThan(refusal(overflow), cloud("first"), left, contextOf)).toEqual([]);
    expect(roomierThan(refusal(overflow), local("first"), [local("near")], contextOf)).toEqual([]);
  });
});
