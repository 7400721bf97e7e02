import { expect, test } from "bun:test";
import fc from "fast-check";
import { sampleEndpoint } from "../../../test/endpoints/endpoint-samples.ts";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { LoadedModels } from "./loaded-models.ts";

const { profile } = sampleEndpoint();
const box = sampleEndpoint({ name: "box" });

function setUp(...names: readonly string[]) {
  const clock = createFakeClock();
  const news: string[] = [];
  const loaded = new LoadedModels({ clock, onNews: (name) => news.push(name) });
  const say = (...said: readonly string[]) =>
    loaded.accept(
      "box",
      said.map((name) => ({ name })),
      clock.now(),
    );
  say(...names);
  clock.advance(1000);
  const warmth = (model: string) => loaded.warmthAt(box, model);
  return { clock, loaded, news, say, warmth };
}

test("a model that the endpoint says it has is warm, in any spelling and with or without :latest", () => {
  const { warmth } = setUp("Tiny:latest", "qwen3:8B");
  expect(["tiny", "TINY:latest", "qwen3:8b"].map(warmth)).toEqual(["warm", "warm", "warm"]);
  expect(["qwen3", "tiny:1b", "other"].map(warmth)).toEqual(["occupied", "occupied", "occupied"]);
});

test("the further names that a model has count too", () => {
  const { clock, loaded, warmth } = setUp();
  loaded.accept("box", [{ name: "a.gguf", otherNames: ["Alpha"] }], clock.now());
  expect(warmth("alpha")).toBe("warm");
});

test("an endpoint with nothing loaded, and one that nobody has heard of, are neutral", () => {
  const { loaded, warmth } = setUp();
  expect(warmth("tiny")).toBe("neutral");
  expect(loaded.warmthAt(sampleEndpoint({ name: "stranger" }), "tiny")).toBe("neutral");
  expect(loaded.modelsAt("stranger")).toBeUndefined();
});

test("a kind that keeps its models in memory is warm without being asked", () => {
  const { loaded } = setUp();
  const vllm = sampleEndpoint({ name: "vllm", profile: { ...profile, loadedModels: "always" } });
  expect(loaded.warmthAt(vllm, "tiny")).toBe("warm");
});

test("what is chosen for is warm at once, and what was there before is not thought gone", () => {
  const { loaded, warmth } = setUp("a");
  loaded.noteChosen(box, "B:latest");
  expect(["a", "b", "c"].map(warmth)).toEqual(["warm", "warm", "occupied"]);
});

test("a look that began after the choice tells the truth, one that began before does not", () => {
  const { clock, loaded, say, warmth } = setUp("a");
  const askedBefore = clock.now();
  clock.advance(10);
  loaded.noteChosen(box, "b");
  loaded.accept("box", [{ name: "a" }], askedBefore);
  expect(warmth("b")).toBe("warm");
  clock.advance(10);
  say("a");
  expect(warmth("b")).toBe("occupied");
});

test("a request that still waits for its answer outweighs a look: the model is being loaded", () => {
  const { clock, loaded, say, warmth } = setUp("a");
  const note = loaded.noteSent(box, "b");
  clock.advance(60_000);
  say("a");
  expect(warmth("b")).toBe("warm");
  note?.settle(true);
  clock.advance(10);
  say("b");
  expect(["a", "b"].map(warmth)).toEqual(["occupied", "warm"]);
});

test("a request that was not served takes back what was expected of it, unless another waits for the same", () => {
  const { loaded, warmth } = setUp("a");
  const first = loaded.noteSent(box, "b");
  const second = loaded.noteSent(box, "b");
  first?.settle(false);
  expect(warmth("b")).toBe("warm");
  second?.settle(false);
  expect(warmth("b")).toBe("occupied");
});

test("an answer for a model that was not there before is news, for one that was is none", () => {
  const { loaded, news } = setUp("a");
  loaded.noteSent(box, "a")?.settle(true);
  loaded.noteSent(box, "c")?.settle(false);
  expect(news).toEqual([]);
  loaded.noteSent(box, "b")?.settle(true);
  expect(news).toEqual(["box"]);
});

test("nothing is believed of an endpoint that does not say what it has", () => {
  const { loaded, warmth } = setUp("a");
  loaded.forget("box");
  loaded.noteChosen(box, "b");
  expect(loaded.noteSent(box, "b")).toBeUndefined();
  expect(warmth("b")).toBe("neutral");
});

test("a request from before the endpoint was forgotten tells nothing of what it is now", () => {
  const { loaded, say, warmth } = setUp("a");
  const note = loaded.noteSent(box, "b");
  loaded.forget("box");
  say("c");
  note?.settle(true);
  expect(warmth("b")).toBe("occupied");
});

test("names that clients make up do not pile up", () => {
  const { loaded, warmth } = setUp("a");
  for (let count = 0; count < 1000; count++) loaded.noteChosen(box, `made-up-${count}`);
  expect([warmth("made-up-0"), warmth("made-up-999"), warmth("a")]).toEqual(["occupied", "warm", "warm"]);
});

test("how long nothing was sent somewhere is known", () => {
  const { clock, loaded } = setUp("a");
  expect(loaded.idleMs("box")).toBe(Number.POSITIVE_INFINITY);
  loaded.noteChosen(box, "a");
  clock.advance(500);
  expect(loaded.idleMs("box")).toBe(500);
});

test("while the edition is the same, every model is as warm as it was", () => {
  const names = ["a", "b", "c"] as const;
  const name = fc.constantFrom(...names);
  const step = fc.oneof(
    fc.record({ does: fc.constant("says" as const), names: fc.subarray([...names]) }),
    fc.record({ does: fc.constantFrom("chosen", "sent", "served", "failed", "forgotten"), name }),
    fc.record({ does: fc.constant("waits" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { clock, loaded, say, warmth } = setUp("a");
      const sent: ReturnType<LoadedModels["noteSent"]>[] = [];
      let before = { edition: loaded.edition, warmths: names.map(warmth) };
      for (const each of steps) {
        if (each.does === "says") say(...each.names);
        else if (each.does === "waits") clock.advance(500);
        else if (each.does === "chosen") loaded.noteChosen(box, each.name);
        else if (each.does === "sent") sent.push(loaded.noteSent(box, each.name));
        else if (each.does === "forgotten") loaded.forget("box");
        else sent.shift()?.settle(each.does === "served");
        const now = { edition: loaded.edition, warmths: names.map(warmth) };
        if (now.edition === before.edition) expect(now).toEqual(before);
        before = now;
      }
    }),
  );
});

test("what tells nothing new leaves the edition as it is", () => {
  const { clock, loaded, say } = setUp("a");
  const { edition } = loaded;
  loaded.noteChosen(box, "a");
  loaded.noteSent(box, "a")?.settle(true);
  clock.advance(10);
  say("a");
  expect(loaded.edition).toBe(edition);
});
