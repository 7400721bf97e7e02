import { describe, expect, test } from "bun:test";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { Clock } from "../lib/clock.ts";
import { type AffinityKey, responseKey } from "./affinity-key.ts";
import type { Candidate, Candidates } from "./balancer.ts";
import { placeOf, type SelectInner, type StickyRequest, StickySessions } from "./sticky.ts";

const key: AffinityKey = { key: "conversation", source: "session_header", sessionId: "s" };
const otherKey: AffinityKey = { key: "another", source: "auth_header" };

function candidate(name: string, model?: string): Candidate {
  // Only the name of an endpoint is looked at here.
  return { endpoint: { name } as Endpoint, status: "healthy", model };
}

/** Two models at one endpoint that share the traffic. */
function sharing(name: string, one: string, other: string): [Candidate, Candidate] {
  return [
    { ...candidate(name, one), share: { weight: 1 } },
    { ...candidate(name, other), share: { weight: 1 } },
  ];
}

const [a, b, c] = [candidate("a"), candidate("b"), candidate("c")];
const all: Candidates = [a, b, c];

function setUp(idleTtlSeconds = 600) {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    wallTime: () => now,
    after: () => () => {},
    deadline: () => () => {},
  };
  const sticky = new StickySessions({ maxSessions: 1_000, idleTtlSeconds }, clock);
  /** A whole request with one attempt, served by what was chosen. */
  const serve = (candidates: Candidates, selectInner: SelectInner, forKey: AffinityKey | undefined = key) => {
    const request = sticky.begin(forKey);
    const { name } = request.choose(candidates, selectInner).endpoint;
    request.commit(name);
    return { name, outcome: request.outcome };
  };
  const advance = (seconds: number) => {
    now += seconds * 1_000;
  };
  return { sticky, serve, advance };
}

/** A balancer that always wants this one; asking it where it is not offered is a fault. */
function wants(name: string): SelectInner {
  return (candidates) => {
    const found = candidates.find(({ endpoint }) => endpoint.name === name);
    if (found === undefined) throw new Error(`${name} is not offered`);
    return found;
  };
}

const never: SelectInner = () => {
  throw new Error("the balancer was asked");
};

describe("one request after another", () => {
  test("the first is a miss, and each further one a hit without asking the balancer", () => {
    const { serve } = setUp();
    expect(serve(all, wants("b"))).toEqual({ name: "b", outcome: "miss" });
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
    expect(serve([c, b], never)).toEqual({ name: "b", outcome: "hit" });
  });

  test("conversations do not know of each other", () => {
    const { serve } = setUp();
    serve(all, wants("b"));
    expect(serve(all, wants("c"), otherKey)).toEqual({ name: "c", outcome: "miss" });
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
  });

  test("without a key everything is the balancer's, and nothing is kept", () => {
    const { sticky } = setUp();
    for (const name of ["a", "b"]) {
      const request = sticky.begin(undefined);
      expect(request.outcome).toBeUndefined();
      expect(request.choose(all, wants(name)).endpoint.name).toBe(name);
      expect(request.outcome).toBe("disabled");
      request.commit(name);
      request.release();
    }
    expect(sticky.statistics()).toMatchObject({ activeSessions: 0, insertions: 0, hits: 0, misses: 0 });
  });

  test("an endpoint that is no candidate is left for another, where the conversation stays", () => {
    const { serve } = setUp();
    serve(all, wants("b"));
    expect(serve([a, c], wants("c"))).toEqual({ name: "c", outcome: "repin" });
    expect(serve(all, never)).toEqual({ name: "c", outcome: "hit" });
  });

  test("an idle conversation is forgotten", () => {
    const { serve, advance } = setUp(10);
    serve(all, wants("b"));
    advance(10.001);
    expect(serve(all, wants("a"))).toEqual({ name: "a", outcome: "miss" });
  });

  test("a conversation purged with its endpoint begins anew", () => {
    const { sticky, serve } = setUp();
    serve(all, wants("b"));
    expect(sticky.purgeEndpoints((name) => name !== "b")).toBe(1);
    expect(serve(all, wants("a"))).toEqual({ name: "a", outcome: "miss" });
  });

  test("lookups are counted: a repin is a hit, and only new conversations are insertions", () => {
    const { sticky, serve } = setUp();
    serve(all, wants("b"));
    serve(all, never);
    serve([a], wants("a"));
    expect(sticky.statistics()).toMatchObject({
      activeSessions: 1,
      insertions: 1,
      hits: 2,
      misses: 1,
      evictions: 0,
    });
  });

  test("of several models at its endpoint the balancer chooses one", () => {
    const { serve, sticky } = setUp();
    serve(all, wants("b"));
    const [small, large] = sharing("b", "small", "large");
    const request = sticky.begin(key);
    const chosen = request.choose([a, small, large], (offered) => {
      expect(offered).toEqual([small, large]);
      return large;
    });
    expect(chosen).toBe(large);
    expect(request.outcome).toBe("hit");
  });

  test("of models that share the traffic a conversation keeps its own, on the endpoint that it is on", () => {
    const { sticky } = setUp();
    const [small, large] = sharing("b", "small", "large");
    const [smallElsewhere] = sharing("a", "small", "large");
    const first = sticky.begin(key);
    first.choose([small, large, smallElsewhere], () => large);
    const together = sticky.begin(key);
    expect(together.choose([small, large, smallElsewhere], never)).toBe(large);
    first.commit(placeOf(large));
    together.release();
    const next = sticky.begin(key);
    expect(next.choose([smallElsewhere, small, large], never)).toBe(large);
    expect(next.outcome).toBe("hit");
    const without = sticky.begin(key);
    expect(without.choose([smallElsewhere, small], never)).toBe(small);
    expect(sticky.purgeEndpoints((name) => name !== "b")).toBe(1);
  });
});

describe("failed attempts", () => {
  test("leave no pin: the endpoint that served is bound, and the request stays a miss", () => {
    const { sticky, serve } = setUp();
    const request = sticky.begin(key);
    request.choose(all, wants("a"));
    expect(request.choose([b, c], wants("c")).endpoint.name).toBe("c");
    expect(request.outcome).toBe("miss");
    request.commit("c");
    expect(serve(all, never)).toEqual({ name: "c", outcome: "hit" });
  });

  test("at the conversation's own endpoint move it to the one that served", () => {
    const { sticky, serve } = setUp();
    serve(all, wants("a"));
    const request = sticky.begin(key);
    request.choose(all, never);
    expect(request.outcome).toBe("hit");
    request.choose([b, c], wants("b"));
    expect(request.outcome).toBe("repin");
    request.commit("b");
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
    expect(sticky.statistics()).toMatchObject({ insertions: 1, hits: 2, misses: 1 });
  });

  test("of all endpoints leave everything as it was", () => {
    const { sticky, serve } = setUp();
    const first = sticky.begin(key);
    first.choose(all, wants("a"));
    first.release();
    expect(sticky.statistics().activeSessions).toBe(0);
    expect(serve(all, wants("b")).outcome).toBe("miss");
    const second = sticky.begin(key);
    second.choose(all, never);
    second.choose([a, c], wants("a"));
    second.release();
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
  });

  test("of the balancer pass through and change nothing", () => {
    const { sticky } = setUp();
    for (const each of [key, undefined]) {
      const request = sticky.begin(each);
      expect(() => request.choose(all, never)).toThrow("the balancer was asked");
      expect(request.outcome).toBeUndefined();
      request.release();
    }
    expect(sticky.pendingCount).toBe(0);
    expect(sticky.statistics().activeSessions).toBe(0);
  });
});

describe("requests of one conversation at the same time", () => {
  test("all follow the first, before anything was served", () => {
    const { sticky, serve } = setUp();
    const requests = Array.from({ length: 5 }, () => sticky.begin(key));
    const [first, ...others] = requests;
    first?.choose(all, wants("b"));
    for (const request of others) {
      expect(request.choose(all, never).endpoint.name).toBe("b");
      expect(request.outcome).toBe("miss");
    }
    for (const request of requests) request.commit("b");
    expect(sticky.pendingCount).toBe(0);
    expect(sticky.statistics()).toMatchObject({ insertions: 1, misses: 5 });
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
  });

  test("follow the first of them that had to go elsewhere", () => {
    const { sticky } = setUp();
    const [first, second] = [sticky.begin(key), sticky.begin(key)];
    first.choose(all, wants("a"));
    second.choose(all, never);
    first.choose([b, c], wants("c"));
    expect(second.choose([b, c], never).endpoint.name).toBe("c");
    expect(sticky.begin(key).choose(all, never).endpoint.name).toBe("c");
  });

  test("follow each other away from an endpoint that cannot be used any more", () => {
    const { sticky, serve } = setUp();
    serve(all, wants("a"));
    const [first, second] = [sticky.begin(key), sticky.begin(key)];
    first.choose([b, c], wants("c"));
    expect(second.choose([b, c], never).endpoint.name).toBe("c");
    expect([first.outcome, second.outcome]).toEqual(["repin", "repin"]);
  });

  test("one that began later is not led by one that is over", () => {
    const { sticky } = setUp();
    const first = sticky.begin(key);
    first.choose(all, wants("a"));
    first.release();
    first.release();
    expect(sticky.begin(key).choose(all, wants("b")).endpoint.name).toBe("b");
  });

  test("where no choice was shared, the first to be served decides, and the late one does not move it", () => {
    const { sticky, serve } = setUp();
    const [first, second] = [sticky.begin(key), sticky.begin(key)];
    first.choose([a], wants("a"));
    second.choose([b], wants("b"));
    second.commit("b");
    first.commit("a");
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
  });

  test("a slow answer of the old endpoint does not fetch the conversation back", () => {
    const { sticky, serve } = setUp();
    serve(all, wants("a"));
    const slow = sticky.begin(key);
    slow.choose(all, never);
    expect(serve([b, c], wants("b"))).toEqual({ name: "b", outcome: "repin" });
    slow.commit("a");
    expect(serve(all, never)).toEqual({ name: "b", outcome: "hit" });
  });

  test("an answer that took longer than a session lives binds it again", () => {
    const { sticky, serve, advance } = setUp(10);
    serve(all, wants("a"));
    const slow = sticky.begin(key);
    slow.choose(all, never);
    advance(60);
    slow.commit("a");
    expect(serve(all, never)).toEqual({ name: "a", outcome: "hit" });
  });

  test("whatever the order of their ends, nothing is left pending", () => {
    const { sticky } = setUp();
    const requests: StickyRequest[] = [];
    for (let index = 0; index < 100; index++) {
      const request = sticky.begin({ key: `conversation ${index % 7}`, source: "ip" });
      request.choose(all, wants("a"));
      if (index % 3 === 0) request.choose([b, c], wants("b"));
      requests.push(request);
    }
    expect(sticky.pendingCount).toBe(7);
    for (const [index, request] of requests.toReversed().entries()) {
      if (index % 2 === 0) request.commit("b");
      request.release();
    }
    expect(sticky.pendingCount).toBe(0);
  });
});

test("a request that refers to an answer goes to the endpoint that gave it", () => {
  const { sticky } = setUp();
  sticky.noteResponse("resp_1", "Llama3:8b", "c");
  const request = sticky.begin({
    key: responseKey("resp_1", "llama3:8b"),
    source: "previous_response_id",
  });
  expect(request.choose(all, never)).toBe(c);
  expect(request.outcome).toBe("hit");
});
