import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../lib/json.ts";
import { ResponseStore } from "./response-store.ts";

function message(id: string, text: string): JsonObject {
  return { id, type: "message", role: "assistant", content: [{ type: "output_text", text }] };
}

function turn(ordinal: number, previousId?: string, text = "said") {
  return {
    response: { id: `resp_${ordinal}`, output: [message(`msg_${ordinal}`, text)] },
    input: [{ type: "message", role: "user", content: `asked ${ordinal}` }],
    previousId,
  };
}

function storeOf(limits: { maxCount?: number; maxBytes?: number } = {}): ResponseStore {
  return new ResponseStore({ maxCount: 100, maxBytes: 1_000_000, ...limits });
}

describe("a kept conversation", () => {
  test("is all inputs and outputs in their order", () => {
    const store = storeOf();
    store.keep("resp_1", turn(1));
    store.keep("resp_2", turn(2, "resp_1"));
    const items = store.findConversation("resp_2");
    expect(items?.map(({ id, content }) => id ?? content)).toEqual(["asked 1", "msg_1", "asked 2", "msg_2"]);
    expect(store.findConversation("resp_1")).toHaveLength(2);
  });

  test("can be gone on from at any of its responses", () => {
    const store = storeOf();
    store.keep("resp_1", turn(1));
    store.keep("resp_2", turn(2, "resp_1"));
    store.keep("resp_3", turn(3, "resp_1"));
    expect(store.findConversation("resp_3")?.map(({ id }) => id)).toContain("msg_3");
    expect(store.findConversation("resp_3")?.map(({ id }) => id)).not.toContain("msg_2");
  });

  test("is not found when a part of it is gone", () => {
    const store = storeOf();
    store.keep("resp_1", turn(1));
    store.keep("resp_2", turn(2, "resp_1"));
    expect(store.delete("resp_1")).toBe(true);
    expect(store.delete("resp_1")).toBe(false);
    expect(store.findConversation("resp_2")).toBeUndefined();
  });

  test("costs its length once, however many turns it has", () => {
    const store = storeOf();
    const long = "x".repeat(5_000);
    for (let ordinal = 1; ordinal <= 50; ordinal += 1) {
      store.keep(`resp_${ordinal}`, turn(ordinal, ordinal === 1 ? undefined : `resp_${ordinal - 1}`, long));
    }
    expect(store.findConversation("resp_50")).toHaveLength(100);
    // Two bytes for a character, and some hundreds for the rest.
    expect(store.bytes).toBeLessThan(50 * 12_000);
  });
});

test("owners find nothing of each other, whatever ids they know or make up", () => {
  const store = storeOf();
  const ann = new ResponseStore(store, "ann");
  const bob = new ResponseStore(store, "bob");
  ann.keep("resp_1", turn(1));
  for (const other of [store, bob]) {
    for (const id of ["resp_1", "3:ann:resp_1", "ann:resp_1", "\0resp_1"]) {
      expect([other.find(id), other.findConversation(id), other.delete(id)]).toEqual([
        undefined,
        undefined,
        false,
      ]);
    }
    expect(other.findItem("msg_1")).toBeUndefined();
  }
  // An item of the same id takes nothing away from its namesake.
  bob.keep("resp_2", { ...turn(2), input: [message("msg_1", "bob's")] });
  expect(ann.findItem("msg_1")).toMatchObject({ content: [{ text: "said" }] });
  expect(new ResponseStore(store, "ann").find("resp_1")).toBeDefined();
  bob.keep("resp_3", turn(3, "resp_1"));
  expect(bob.findConversation("resp_3")).toBeUndefined();
  expect(bob.delete("resp_2")).toBe(true);
  expect(ann.findItem("msg_1")).toBeDefined();
  expect(store.count).toBe(2);
});

describe("the store", () => {
  test("stays within its bytes, and forgets what was not used for longest", () => {
    const store = storeOf({ maxBytes: 50_000 });
    store.keep("resp_0", turn(0));
    for (let ordinal = 1; ordinal <= 100; ordinal += 1) {
      store.keep(`resp_${ordinal}`, turn(ordinal, undefined, "x".repeat(1_000)));
      expect(store.find("resp_0")).toBeDefined();
      expect(store.bytes).toBeLessThanOrEqual(50_000);
    }
    expect(store.find("resp_1")).toBeUndefined();
    expect(store.find("resp_100")).toBeDefined();
  });

  test("keeps no more than its number", () => {
    const store = storeOf({ maxCount: 3 });
    for (let ordinal = 1; ordinal <= 10; ordinal += 1) store.keep(`resp_${ordinal}`, turn(ordinal));
    expect(store.count).toBe(3);
    expect(store.itemCount).toBe(3);
  });

  test("leaves out what is larger than all of it, and what it holds stays", () => {
    const store = storeOf({ maxBytes: 10_000 });
    store.keep("resp_1", turn(1));
    store.keep("resp_2", turn(2, undefined, "x".repeat(10_000)));
    expect(store.find("resp_2")).toBeUndefined();
    expect(store.find("resp_1")).toBeDefined();
    expect(store.findItem("msg_2")).toBeUndefined();
  });

  test("finds an item by its id as long as its response is there", () => {
    const store = storeOf();
    store.keep("resp_1", turn(1));
    expect(store.findItem("msg_1")).toMatchObject({ id: "msg_1" });
    store.delete("resp_1");
    expect(store.findItem("msg_1")).toBeUndefined();
    expect(store.itemCount).toBe(0);
  });

  test("an item that is in two responses is found until the later one is gone", () => {
    const store = storeOf();
    store.keep("resp_1", turn(1));
    store.keep("resp_2", { ...turn(2), input: [message("msg_1", "said")] });
    store.delete("resp_1");
    expect(store.findItem("msg_1")).toBeDefined();
  });
});
