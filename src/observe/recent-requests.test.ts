import { describe, expect, test } from "bun:test";
import type { Outcome } from "./outcome.ts";
import { RecentRequests } from "./recent-requests.ts";

function outcomeOf(requestId: string): Outcome {
  return {
    requestId,
    receivedAt: 1_000,
    method: "POST",
    path: "/",
    clientAddress: "127.0.0.1",
    status: 200,
    isStream: false,
    queueMs: 0,
    durationMs: 1,
    requestBytes: 0,
    responseBytes: 0,
    ending: "complete",
    attempts: [],
  } as unknown as Outcome;
}

function idsOf(recent: RecentRequests, limit: number, before?: string) {
  const { requests, next } = recent.list({ filter: {}, limit, before });
  return { ids: requests.map(({ id }) => id), next };
}

describe("RecentRequests", () => {
  test("keeps the last ones only, newest first", () => {
    const recent = new RecentRequests(3);
    expect(idsOf(recent, 10)).toEqual({ ids: [], next: null });
    for (const id of ["a", "b", "c", "d"]) recent.add(outcomeOf(id));
    expect(idsOf(recent, 10)).toEqual({ ids: ["d", "c", "b"], next: null });
    expect(recent.find("a")).toBeUndefined();
  });

  test("goes on where a page ended, whatever came since; what was pushed out is gone", () => {
    const recent = new RecentRequests(3);
    for (const id of ["a", "b", "c"]) recent.add(outcomeOf(id));
    const page = idsOf(recent, 1);
    expect(page.ids).toEqual(["c"]);
    recent.add(outcomeOf("d"));
    expect(idsOf(recent, 5, page.next ?? "")).toEqual({ ids: ["b"], next: null });
  });

  test("has the last one of an id, and how many others there are", () => {
    const recent = new RecentRequests();
    for (const id of ["a", "b", "a"]) recent.add({ ...outcomeOf(id), status: id === "a" ? 200 : 500 });
    recent.add({ ...outcomeOf("a"), status: 503 });
    expect(recent.find("a")).toMatchObject({ request: { id: "a", status: 503 }, others: 2 });
  });

  test.each(["", "m", "x1", "m-1", "1", "m1 OR 1=1", `m${"z".repeat(20)}`])("%j is no cursor", (before) => {
    expect(() => idsOf(new RecentRequests(), 1, before)).toThrow("before: this is no cursor");
  });

  test("refuses the cursor of the database", () => {
    expect(() => idsOf(new RecentRequests(), 1, "d1")).toThrow("begin again without it");
  });
});
