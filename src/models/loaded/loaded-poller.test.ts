import { expect, test } from "bun:test";
import { recordingLogger, sampleEndpoint } from "../../../test/endpoints/endpoint-samples.ts";
import { profileNamed } from "../../../test/models/discovery-fixture.ts";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import type { EndpointStatus } from "../../endpoints/endpoint-status.ts";
import { LoadedModels } from "./loaded-models.ts";
import { LoadedPoller, type PolledRegistry } from "./loaded-poller.ts";

type Answer = () => Response | Promise<Response>;

const has =
  (...names: readonly string[]): Answer =>
  () =>
    Response.json({ models: names.map((name) => ({ name })) });
const status =
  (code: number): Answer =>
  () =>
    new Response("no", { status: code });
const junk: Answer = () => new Response("<html>");
const refuse: Answer = () => Promise.reject(new Error("refused"));

const ollama = (name: string, url = `http://${name}:11434`) =>
  sampleEndpoint({ name, url, profile: profileNamed("ollama") });

function setUp(endpoints = [ollama("box")], first: EndpointStatus = "healthy") {
  const clock = createFakeClock();
  const logger = recordingLogger();
  let states = endpoints.map((endpoint) => ({ endpoint, health: { status: first } }));
  const statusListeners = new Set<Parameters<PolledRegistry["onStatusChange"]>[0]>();
  const replacedListeners = new Set<() => void>();
  const registry: PolledRegistry = {
    snapshot: () => states,
    onStatusChange: (listener) => {
      statusListeners.add(listener);
      return () => statusListeners.delete(listener);
    },
    onEndpointsReplaced: (listener) => {
      replacedListeners.add(listener);
      return () => replacedListeners.delete(listener);
    },
  };
  const asked: string[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const answers = new Map<string, Answer>();
  const loaded = new LoadedModels({ clock, onNews: (name) => poller.noteNews(name) });
  const poller = new LoadedPoller({
    registry,
    loaded,
    clock,
    logger,
    version: "1",
    fetch: async (target, { signal }) => {
      const url = new URL(target);
      asked.push(url.hostname + url.pathname);
      underWay += 1;
      mostUnderWay = Math.max(mostUnderWay, underWay);
      const aborted = new Promise<never>((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
      try {
        return await Promise.race([(answers.get(url.hostname) ?? has("tiny"))(), aborted]);
      } finally {
        underWay -= 1;
      }
    },
  });
  return {
    clock,
    logger,
    loaded,
    poller,
    asked,
    answers,
    mostUnderWay: () => mostUnderWay,
    names: (name = "box") => loaded.modelsAt(name)?.map((model) => model.name),
    setStatus(name: string, to: EndpointStatus) {
      states = states.map((state) =>
        state.endpoint.name === name ? { ...state, health: { status: to } } : state,
      );
      const endpoint = states.find((state) => state.endpoint.name === name)?.endpoint;
      if (endpoint !== undefined) for (const listener of statusListeners) listener({ endpoint, to });
    },
    replace(next: typeof endpoints) {
      states = next.map((endpoint) => ({ endpoint, health: { status: "healthy" as const } }));
      for (const listener of replacedListeners) listener();
    },
    listeners: () => statusListeners.size + replacedListeners.size,
  };
}

test("a usable endpoint is asked at once and every ten seconds, and a model that was unloaded meanwhile is gone", async () => {
  const { clock, poller, asked, answers, names } = setUp();
  poller.start();
  await clock.settle();
  expect(names()).toEqual(["tiny"]);
  answers.set("box", has());
  await clock.advanceAsync(9_000);
  expect(asked).toEqual(["box/api/ps"]);
  await clock.advanceAsync(1_000);
  expect(names()).toEqual([]);
  await clock.advanceAsync(60_000);
  expect(asked).toHaveLength(8);
});

test("kinds that need no asking are left alone", async () => {
  const profile = profileNamed("vllm");
  const { clock, poller, asked } = setUp([sampleEndpoint({ name: "gpu", profile })]);
  poller.start();
  await clock.advanceAsync(60_000);
  expect(asked).toEqual([]);
});

test("one that is not usable is not asked, is asked when it comes back, and what it had is forgotten meanwhile", async () => {
  const { clock, poller, asked, names, setStatus } = setUp(undefined, "unhealthy");
  poller.start();
  await clock.advanceAsync(30_000);
  expect(asked).toEqual([]);
  setStatus("box", "healthy");
  await clock.settle();
  expect(names()).toEqual(["tiny"]);
  setStatus("box", "offline");
  expect(names()).toBeUndefined();
  setStatus("box", "healthy");
  await clock.settle();
  expect(asked).toHaveLength(2);
});

test("one that becomes healthy after it was warming is asked at once", async () => {
  const { clock, poller, asked, setStatus } = setUp(undefined, "warming");
  poller.start();
  await clock.settle();
  setStatus("box", "healthy");
  await clock.settle();
  expect(asked).toHaveLength(2);
});

test("one that does not know the question is not asked again before it comes back", async () => {
  const { clock, poller, asked, answers, setStatus, names } = setUp();
  answers.set("box", status(404));
  poller.start();
  await clock.advanceAsync(3_600_000);
  expect(asked).toHaveLength(1);
  expect(names()).toBeUndefined();
  setStatus("box", "offline");
  answers.set("box", has("tiny"));
  setStatus("box", "healthy");
  await clock.settle();
  expect(names()).toEqual(["tiny"]);
});

test.each([
  ["junk", junk],
  ["an error", status(500)],
  ["a refusal", refuse],
] as const)("%s makes it asked less and less often, and is no end", async (_what, answer) => {
  const { clock, poller, asked, answers, names, logger } = setUp();
  answers.set("box", answer);
  poller.start();
  await clock.advanceAsync(10_000);
  expect(asked).toHaveLength(2);
  await clock.advanceAsync(10_000);
  expect(asked).toHaveLength(2);
  await clock.advanceAsync(3_600_000);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.length).toBeLessThan(20);
  expect(logger.records.filter(({ level }) => level !== "debug")).toEqual([]);
  expect(logger.records).toHaveLength(1);
  answers.set("box", has("tiny"));
  await clock.advanceAsync(300_000);
  expect(names()).toEqual(["tiny"]);
});

test("one that hangs is given up after two seconds; what it had said is believed for a minute", async () => {
  const { clock, poller, asked, answers, names } = setUp();
  poller.start();
  await clock.settle();
  answers.set("box", () => new Promise(() => {}));
  await clock.advanceAsync(30_000);
  expect(asked.length).toBeGreaterThan(1);
  expect(names()).toEqual(["tiny"]);
  await clock.advanceAsync(60_000);
  expect(names()).toBeUndefined();
});

test("junk after a proper list is not believed, and neither is the list any more", async () => {
  const { clock, poller, answers, names } = setUp();
  poller.start();
  await clock.settle();
  answers.set("box", junk);
  await clock.advanceAsync(10_000);
  expect(names()).toBeUndefined();
});

test("at most four are asked at once, and those that hang hold nobody up for longer than two seconds", async () => {
  const boxes = Array.from({ length: 9 }, (_, index) => ollama(`box-${index}`));
  const { clock, poller, asked, answers, mostUnderWay, names } = setUp(boxes);
  for (const { name } of boxes.slice(0, 4)) answers.set(name, () => new Promise(() => {}));
  poller.start();
  await clock.settle();
  expect(asked).toHaveLength(4);
  await clock.advanceAsync(2_000);
  expect(names("box-8")).toEqual(["tiny"]);
  expect(mostUnderWay()).toBe(4);
});

test("one that is gone is forgotten, and another address under its name is asked afresh", async () => {
  const { clock, poller, asked, answers, names, replace } = setUp();
  poller.start();
  await clock.settle();
  answers.set("moved", has("other"));
  replace([ollama("box", "http://moved:11434")]);
  expect(names()).toBeUndefined();
  await clock.settle();
  expect(names()).toEqual(["other"]);
  replace([]);
  expect(names()).toBeUndefined();
  await clock.advanceAsync(60_000);
  expect(asked).toHaveLength(2);
});

test("an answer that comes after its endpoint was replaced tells nothing", async () => {
  const { clock, poller, answers, names, replace } = setUp();
  const late = Promise.withResolvers<Response>();
  answers.set("box", () => late.promise);
  poller.start();
  await clock.settle();
  answers.set("moved", has("other"));
  replace([ollama("box", "http://moved:11434")]);
  late.resolve(Response.json({ models: [{ name: "tiny" }] }));
  await clock.settle();
  expect(names()).toEqual(["other"]);
});

test("a model that was loaded by a request makes the endpoint asked again, once a second at most", async () => {
  const { clock, poller, asked, answers, loaded } = setUp();
  const box = ollama("box");
  poller.start();
  await clock.advanceAsync(5_000);
  answers.set("box", has("b"));
  loaded.noteSent(box, "b")?.settle(true);
  await clock.settle();
  expect(asked).toHaveLength(2);
  expect(loaded.warmthAt(box, "tiny")).toBe("occupied");
  for (let count = 0; count < 10; count++) loaded.noteSent(box, `c${count}`)?.settle(true);
  await clock.settle();
  expect(asked).toHaveLength(2);
  await clock.advanceAsync(1_000);
  expect(asked).toHaveLength(3);
});

test("stopping ends everything: no timer, no listener, no belief", async () => {
  const { clock, poller, answers, names, listeners, loaded } = setUp();
  poller.start();
  await clock.settle();
  answers.set("box", () => new Promise(() => {}));
  loaded.noteSent(ollama("box"), "b")?.settle(true);
  await clock.advanceAsync(10_500);
  poller.stop();
  await clock.settle();
  expect([clock.pendingTimers(), listeners(), names()]).toEqual([0, 0, undefined]);
});
