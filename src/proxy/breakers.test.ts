import { describe, expect, test } from "bun:test";
import { createFakeClock, type FakeClock } from "../../test/support/fake-clock.ts";
import {
  type AttemptFailureKind,
  type BreakerPass,
  type BreakerTransition,
  verdictOfStatus,
} from "./breaker.ts";
import { BreakerSet, type BreakerSetSettings } from "./breakers.ts";

const usual: BreakerSetSettings = {
  failureThreshold: 3,
  openMs: 30_000,
  failureRate: 0,
  windowMs: 60_000,
  trialLossMs: 5_000,
};

interface Scene {
  readonly breakers: BreakerSet;
  readonly clock: FakeClock;
  readonly changes: BreakerTransition[];
}

function createScene(settings: Partial<BreakerSetSettings> = {}): Scene {
  const clock = createFakeClock();
  const changes: BreakerTransition[] = [];
  const breakers = new BreakerSet({
    settings: { ...usual, ...settings },
    clock,
    onTransition: (change) => changes.push(change),
  });
  return { breakers, clock, changes };
}

function enter({ breakers }: Scene, model: string | undefined, endpoint = "gpu"): BreakerPass {
  const pass = breakers.admit(endpoint, model);
  if (pass === undefined) throw new Error(`expected ${endpoint} to admit ${model ?? "a request"}`);
  return pass;
}

function failTimes(scene: Scene, times: number, kind: AttemptFailureKind, model?: string): void {
  for (let count = 0; count < times; count += 1) enter(scene, model).failure(kind);
}

/** The endpoint's breaker open since now. */
function openEndpoint(scene: Scene): void {
  failTimes(scene, 3, "connection", "llama");
}

/** The endpoint's breaker just past its open time. */
function awaitTrial(scene: Scene): void {
  openEndpoint(scene);
  scene.clock.advance(30_001);
}

describe("which breaker counts what", () => {
  test.each(["connection", "timeout"] as const)(
    "a %s failure counts for the endpoint, whatever the model",
    (kind) => {
      const scene = createScene();
      for (const model of ["llama", "qwen", undefined]) enter(scene, model).failure(kind);
      expect(scene.breakers.blockOf("gpu", "gemma")).toEqual({
        endpoint: "gpu",
        model: undefined,
        state: "open",
        retryAt: 30_000,
      });
      expect(scene.breakers.stateOf("gpu").models).toEqual([]);
    },
  );

  test.each(["server-error", "stream"] as const)("a %s failure counts for its model alone", (kind) => {
    const scene = createScene();
    failTimes(scene, 3, kind, "llama");
    expect(scene.breakers.blockOf("gpu", "llama")).toEqual({
      endpoint: "gpu",
      model: "llama",
      state: "open",
      retryAt: 30_000,
    });
    expect(scene.breakers.blockOf("gpu", "qwen")).toBeUndefined();
    expect(scene.breakers.blockOf("gpu", undefined)).toBeUndefined();
    expect(scene.breakers.blockOf("other", "llama")).toBeUndefined();
    expect(scene.breakers.admit("gpu", "llama")).toBeUndefined();
  });

  test.each(["server-error", "stream"] as const)(
    "a %s failure without a model counts for the endpoint",
    (kind) => {
      const scene = createScene();
      failTimes(scene, 3, kind);
      expect(scene.breakers.stateOf("gpu").state).toBe("open");
    },
  );

  test("once two models are blocked, further failures count for the endpoint too", () => {
    const scene = createScene();
    failTimes(scene, 3, "server-error", "llama");
    failTimes(scene, 3, "server-error", "qwen");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    failTimes(scene, 1, "server-error", "gemma");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    failTimes(scene, 1, "server-error", "phi");
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
    expect(scene.breakers.blockOf("gpu", undefined)).toMatchObject({ model: undefined });
  });

  test("a model whose open time is over no longer speaks against the endpoint", () => {
    const scene = createScene();
    failTimes(scene, 3, "server-error", "llama");
    scene.clock.advance(30_001);
    failTimes(scene, 3, "server-error", "qwen");
    failTimes(scene, 3, "server-error", "gemma");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    failTimes(scene, 1, "server-error", "phi");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
  });

  test("a success forgets the failures of both", () => {
    const scene = createScene();
    for (let round = 0; round < 5; round += 1) {
      failTimes(scene, 2, "server-error", "llama");
      failTimes(scene, 2, "connection", "llama");
      enter(scene, "llama").success();
    }
    expect(scene.changes).toEqual([]);
    expect(scene.breakers.census().models).toBe(0);
  });

  test("a neutral end neither counts nor forgets", () => {
    const scene = createScene();
    for (let round = 0; round < 20; round += 1) enter(scene, "llama").neutral();
    expect(scene.changes).toEqual([]);
    failTimes(scene, 2, "connection", "llama");
    enter(scene, "llama").neutral();
    failTimes(scene, 1, "connection", "llama");
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
  });

  test("model names ignore case", () => {
    const scene = createScene();
    for (const model of ["Llama", "llama", "LLAMA"]) enter(scene, model).failure("server-error");
    expect(scene.breakers.blockOf("gpu", "lLaMa")).toMatchObject({ model: "Llama" });
  });

  test("the later of two blocks is the one that is told", () => {
    const scene = createScene();
    const waiting = enter(scene, "llama");
    const waitingToo = enter(scene, "llama");
    failTimes(scene, 1, "server-error", "llama");
    failTimes(scene, 3, "connection", "qwen");
    scene.clock.advance(1_000);
    waiting.failure("server-error");
    waitingToo.failure("server-error");
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ model: "llama", retryAt: 31_000 });
    expect(scene.breakers.blockOf("gpu", "qwen")).toMatchObject({ model: undefined, retryAt: 30_000 });
  });

  test("a status says what it counts as", () => {
    for (const status of [200, 204, 304]) expect(verdictOfStatus(status)).toBe("success");
    for (const status of [400, 401, 404, 409, 413, 422, 429, 499, 501, 505]) {
      expect(verdictOfStatus(status)).toBe("neutral");
    }
    for (const status of [502, 503, 504, 507, 529]) expect(verdictOfStatus(status)).toBe("failure");
    expect(verdictOfStatus(500)).toBe("suspicion");
  });
});

describe("a pass", () => {
  test("counts only its first end", () => {
    const scene = createScene();
    const pass = enter(scene, "llama");
    for (let count = 0; count < 10; count += 1) pass.failure("connection");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    const forgiven = enter(scene, "llama");
    forgiven.neutral();
    forgiven.success();
    failTimes(scene, 2, "connection", "llama");
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
  });

  test("from before an opening changes nothing, even after the breaker has closed again", () => {
    const scene = createScene();
    const early = Array.from({ length: 9 }, () => enter(scene, "llama"));
    awaitTrial(scene);
    early[0]?.success();
    early[1]?.failure("timeout");
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    enter(scene, "llama").success();
    for (const pass of early) pass.failure("timeout");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    expect(scene.changes.map((change) => change.to)).toEqual(["open", "half-open", "closed"]);
  });

  test("from before an opening of its model changes nothing for the model", () => {
    const scene = createScene();
    const early = Array.from({ length: 9 }, () => enter(scene, "llama"));
    failTimes(scene, 3, "server-error", "llama");
    scene.clock.advance(30_001);
    enter(scene, "llama").success();
    for (const pass of early) pass.failure("stream");
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
  });

  test("from before an opening of its model changes nothing however well the model did since", () => {
    const scene = createScene();
    const early = Array.from({ length: 9 }, () => enter(scene, "llama"));
    failTimes(scene, 3, "server-error", "llama");
    scene.clock.advance(30_001);
    for (let count = 0; count < 5; count += 1) enter(scene, "llama").success();
    for (const pass of early) pass.failure("stream");
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
  });

  test("of one model isn't made old news by the opening of another", () => {
    const scene = createScene();
    const early = Array.from({ length: 3 }, () => enter(scene, "qwen"));
    failTimes(scene, 3, "server-error", "llama");
    for (const pass of early) pass.failure("server-error");
    expect(scene.breakers.blockOf("gpu", "qwen")).toMatchObject({ model: "qwen" });
  });
});

describe("an open breaker", () => {
  test("refuses until its time is over, then takes one request as its trial", () => {
    const scene = createScene();
    openEndpoint(scene);
    scene.clock.advance(30_000);
    expect(scene.breakers.admit("gpu", "llama")).toBeUndefined();
    expect(scene.breakers.openEndpoints()).toBe(1);
    scene.clock.advance(1);
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    expect(scene.breakers.stateOf("gpu")).toEqual({ state: "half-open", retryAt: undefined, models: [] });
    expect(scene.breakers.openEndpoints()).toBe(0);
    enter(scene, "llama");
    expect(scene.breakers.admit("gpu", "qwen")).toBeUndefined();
  });

  test("of a model: the trial is the model's own, and the endpoint stays free for others", () => {
    const scene = createScene();
    failTimes(scene, 3, "server-error", "llama");
    scene.clock.advance(30_001);
    enter(scene, "llama");
    expect(scene.breakers.admit("gpu", "llama")).toBeUndefined();
    enter(scene, "qwen").success();
    expect(scene.breakers.stateOf("gpu").models).toEqual([
      { model: "llama", state: "half-open", retryAt: 35_001 },
    ]);
  });
});

describe("a half-open breaker", () => {
  test("says when to ask again, never further ahead than the open time", () => {
    const scene = createScene({ trialLossMs: 3_600_000 });
    awaitTrial(scene);
    enter(scene, "llama");
    expect(scene.breakers.blockOf("gpu", "llama")).toEqual({
      endpoint: "gpu",
      model: undefined,
      state: "half-open",
      retryAt: 60_001,
    });
  });

  test("closes at its trial's success", () => {
    const scene = createScene();
    awaitTrial(scene);
    enter(scene, "llama").success();
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    failTimes(scene, 2, "connection", "llama");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
  });

  test("opens again at its trial's failure, from then on", () => {
    const scene = createScene();
    awaitTrial(scene);
    const trial = enter(scene, "llama");
    scene.clock.advance(10);
    trial.failure("timeout");
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ state: "open", retryAt: 60_011 });
  });

  test("is free for another trial when one ends neutrally", () => {
    const scene = createScene();
    awaitTrial(scene);
    enter(scene, "llama").neutral();
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    enter(scene, "llama").success();
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
  });

  test("of an endpoint is freed, neither closed nor opened, when only the trial's model fails", () => {
    const scene = createScene();
    awaitTrial(scene);
    enter(scene, "llama").failure("server-error");
    expect(scene.breakers.stateOf("gpu")).toEqual({ state: "half-open", retryAt: undefined, models: [] });
  });

  test("of a model is freed when the endpoint fails its trial", () => {
    const scene = createScene();
    failTimes(scene, 3, "server-error", "llama");
    scene.clock.advance(30_001);
    enter(scene, "llama").failure("connection");
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    enter(scene, "llama");
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ model: "llama" });
  });

  test("takes a trial that never ended for lost, and ignores whatever it says later", () => {
    const scene = createScene();
    awaitTrial(scene);
    const lost = enter(scene, "llama");
    scene.clock.advance(5_000);
    expect(scene.breakers.admit("gpu", "llama")).toBeUndefined();
    scene.clock.advance(1);
    const second = enter(scene, "llama");
    expect(scene.breakers.admit("gpu", "llama")).toBeUndefined();
    lost.answered();
    lost.success();
    expect(scene.breakers.stateOf("gpu").state).toBe("half-open");
    second.failure("connection");
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
  });

  test("takes a token from the endpoint and the model, or from neither", () => {
    const scene = createScene();
    const others = [enter(scene, "llama"), enter(scene, "llama"), enter(scene, "llama")];
    openEndpoint(scene);
    scene.clock.advance(10_000);
    for (const pass of others) pass.failure("server-error");
    scene.clock.advance(20_001);
    expect(scene.breakers.admit("gpu", "llama")).toBeUndefined();
    expect(scene.breakers.stateOf("gpu")).toMatchObject({ state: "half-open", retryAt: undefined });
    enter(scene, "qwen").success();
    scene.clock.advance(10_000);
    enter(scene, "llama").success();
    expect(scene.breakers.stateOf("gpu")).toEqual({ state: "closed", retryAt: undefined, models: [] });
  });
});

describe("a trial that has begun to answer", () => {
  test("lets others in at once, and its own success makes all well", () => {
    const scene = createScene();
    awaitTrial(scene);
    const trial = enter(scene, "llama");
    trial.answered();
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    trial.success();
    failTimes(scene, 2, "connection", "llama");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
  });

  test("opens the breaker again when its stream breaks", () => {
    const scene = createScene();
    failTimes(scene, 3, "stream", "llama");
    scene.clock.advance(30_001);
    const trial = enter(scene, "llama");
    trial.answered();
    trial.failure("stream");
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ state: "open", retryAt: 60_001 });
    expect(scene.changes.map((change) => `${change.from} ${change.to} ${change.failures}`)).toEqual([
      "closed open 3",
      "open half-open 3",
      "half-open closed 0",
      "closed open 4",
    ]);
  });

  test("says nothing while closed: streams that are cut one after the other still open the breaker", () => {
    const scene = createScene();
    for (let count = 0; count < 3; count += 1) {
      const pass = enter(scene, "llama");
      pass.answered();
      pass.failure("stream");
    }
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ state: "open" });
  });

  test("and was superseded by then stays superseded", () => {
    const scene = createScene();
    awaitTrial(scene);
    const lost = enter(scene, "llama");
    scene.clock.advance(5_001);
    const second = enter(scene, "llama");
    lost.answered();
    second.answered();
    lost.failure("connection");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
  });
});

describe("a plain 500", () => {
  test("counts when the probe after it fails", () => {
    const scene = createScene();
    for (let count = 0; count < 3; count += 1) {
      enter(scene, "llama").neutral();
      scene.breakers.noteSuspicion("gpu", "llama");
    }
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    scene.breakers.settleSuspicion("gpu", true);
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ model: "llama", state: "open" });
  });

  test("is forgotten when the probe succeeds", () => {
    const scene = createScene();
    for (let count = 0; count < 3; count += 1) scene.breakers.noteSuspicion("gpu", "llama");
    scene.breakers.settleSuspicion("gpu", false);
    scene.breakers.settleSuspicion("gpu", true);
    expect(scene.changes).toEqual([]);
  });

  test("counts once, and for the endpoint when no model was named", () => {
    const scene = createScene();
    scene.breakers.noteSuspicion("gpu", undefined);
    scene.breakers.noteSuspicion("gpu", undefined);
    scene.breakers.settleSuspicion("gpu", true);
    scene.breakers.settleSuspicion("gpu", true);
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    failTimes(scene, 1, "connection");
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
  });

  test("waits for a probe that began after it", () => {
    const scene = createScene({ failureThreshold: 1 });
    const probeStartedAt = scene.clock.now();
    scene.clock.advance(5);
    scene.breakers.noteSuspicion("gpu", "llama");
    scene.breakers.settleSuspicion("gpu", true, probeStartedAt);
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    scene.breakers.settleSuspicion("gpu", true, scene.clock.now());
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ state: "open" });
  });

  test("from before the breaker's last opening counts no more", () => {
    const scene = createScene({ failureThreshold: 1 });
    scene.breakers.noteSuspicion("gpu", "llama");
    failTimes(scene, 1, "server-error", "llama");
    scene.clock.advance(30_001);
    enter(scene, "llama").success();
    scene.breakers.settleSuspicion("gpu", true);
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
  });

  test("is remembered a hundred times at most", () => {
    const scene = createScene({ failureThreshold: 101 });
    for (let count = 0; count < 5_000; count += 1) scene.breakers.noteSuspicion("gpu", undefined);
    scene.breakers.settleSuspicion("gpu", true);
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    failTimes(scene, 1, "connection");
    expect(scene.changes).toMatchObject([{ to: "open", failures: 101 }]);
  });
});

describe("transitions", () => {
  test("are reported once each, with what led to them", () => {
    const scene = createScene();
    awaitTrial(scene);
    scene.breakers.blockOf("gpu", "llama");
    enter(scene, "llama").failure("connection");
    scene.clock.advance(30_001);
    enter(scene, "llama").neutral();
    enter(scene, "llama").success();
    const change = { endpoint: "gpu", model: undefined };
    expect(scene.changes).toEqual([
      { ...change, from: "closed", to: "open", failures: 3, retryAt: 30_000 },
      { ...change, from: "open", to: "half-open", failures: 3, retryAt: undefined },
      { ...change, from: "half-open", to: "open", failures: 4, retryAt: 60_001 },
      { ...change, from: "open", to: "half-open", failures: 4, retryAt: undefined },
      { ...change, from: "half-open", to: "closed", failures: 0, retryAt: undefined },
    ]);
  });

  test("of the endpoint and a model at once are two", () => {
    const scene = createScene({ failureThreshold: 1 });
    failTimes(scene, 1, "server-error", "llama");
    failTimes(scene, 1, "server-error", "qwen");
    expect(scene.changes.map((change) => change.model)).toEqual(["llama", "qwen", undefined]);
  });
});

describe("a failure rate", () => {
  const rated = { failureThreshold: 100, failureRate: 0.5, windowMs: 10_000 };

  test("opens the endpoint's breaker between successes", () => {
    const scene = createScene(rated);
    for (let round = 0; round < 5; round += 1) {
      expect(scene.breakers.stateOf("gpu").state).toBe("closed");
      enter(scene, "llama").success();
      enter(scene, "llama").failure("timeout");
    }
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
  });

  test("opens a model's breaker too, and a model that does well again is forgotten after the window", () => {
    const scene = createScene(rated);
    enter(scene, "qwen").failure("server-error");
    for (let round = 0; round < 5; round += 1) {
      enter(scene, "llama").failure("server-error");
      if (round < 4) enter(scene, "llama").success();
      scene.clock.advance(100);
    }
    expect(scene.breakers.blockOf("gpu", "llama")).toBeUndefined();
    enter(scene, "llama").failure("server-error");
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ model: "llama" });
    enter(scene, "qwen").success();
    expect(scene.breakers.census().models).toBe(2);
    scene.clock.advance(10_000);
    enter(scene, "qwen").success();
    expect(scene.breakers.census().models).toBe(1);
  });

  test("of 0 is off", () => {
    const scene = createScene({ failureThreshold: 2, failureRate: 0 });
    for (let round = 0; round < 50; round += 1) {
      enter(scene, "llama").failure("timeout");
      enter(scene, "llama").success();
    }
    expect(scene.changes).toEqual([]);
  });
});

describe("memory", () => {
  test("holds at most a thousand models of an endpoint, the latest of them", () => {
    const scene = createScene();
    for (let index = 0; index < 10_000; index += 1) failTimes(scene, 2, "server-error", `model-${index}`);
    expect(scene.breakers.census()).toEqual({ endpoints: 1, models: 1_000 });
    failTimes(scene, 1, "server-error", "model-9999");
    expect(scene.breakers.blockOf("gpu", "model-9999")).toMatchObject({ model: "model-9999" });
    failTimes(scene, 1, "server-error", "model-0");
    expect(scene.breakers.blockOf("gpu", "model-0")).toBeUndefined();
  });

  test("never drops a blocked model for another, and says so when an open one whose time is over makes room", () => {
    const scene = createScene();
    const passes = Array.from({ length: 1_001 }, (_, index) =>
      Array.from({ length: 3 }, () => enter(scene, `model-${index}`)),
    );
    for (const pass of passes.flat()) pass.failure("server-error");
    expect(scene.breakers.stateOf("gpu").models).toHaveLength(1_000);
    expect(scene.breakers.stateOf("gpu").state).toBe("open");
    scene.clock.advance(30_001);
    enter(scene, "another").failure("stream");
    expect(scene.breakers.census().models).toBe(1_000);
    expect(scene.changes.at(-1)).toMatchObject({ model: "model-0", from: "open", to: "closed" });
  });

  test("of a model that made room keeps its late results out", () => {
    const scene = createScene({ failureThreshold: 1 });
    const early = enter(scene, "llama");
    failTimes(scene, 1, "server-error", "llama");
    scene.clock.advance(30_001);
    const trial = enter(scene, "llama");
    scene.clock.advance(5_001);
    const passes = Array.from({ length: 1_000 }, (_, index) => enter(scene, `model-${index}`));
    for (const pass of passes) pass.failure("server-error");
    expect(scene.changes).toContainEqual(expect.objectContaining({ model: "llama", to: "closed" }));
    scene.clock.advance(30_001);
    const before = scene.changes.length;
    early.failure("server-error");
    trial.failure("server-error");
    expect(scene.changes.slice(before).filter((change) => change.model === "llama")).toEqual([]);
  });

  test("of a model that made room keeps its lost trial from passing for a new one", () => {
    const scene = createScene({ failureThreshold: 1 });
    const fill = (name: string) => {
      const passes = Array.from({ length: 1_000 }, (_, index) => enter(scene, `${name}-${index}`));
      for (const pass of passes) pass.failure("server-error");
      scene.clock.advance(30_001);
      enter(scene, undefined).success();
    };
    failTimes(scene, 1, "server-error", "llama");
    scene.clock.advance(30_001);
    const lost = enter(scene, "llama");
    scene.clock.advance(5_001);
    fill("model");
    failTimes(scene, 1, "server-error", "llama");
    scene.clock.advance(30_001);
    enter(scene, "llama");
    lost.success();
    expect(scene.breakers.blockOf("gpu", "llama")).toMatchObject({ model: "llama", state: "half-open" });
  });

  test("keeps nothing of an endpoint that is gone, and its late results touch no successor", () => {
    const scene = createScene();
    const early = Array.from({ length: 5 }, () => enter(scene, "llama"));
    failTimes(scene, 2, "server-error", "llama");
    enter(scene, "llama", "other").failure("connection");
    scene.breakers.retainEndpoints(["other"]);
    expect(scene.breakers.census()).toEqual({ endpoints: 1, models: 0 });
    expect(scene.breakers.stateOf("gpu")).toEqual({ state: "closed", retryAt: undefined, models: [] });
    enter(scene, "llama");
    for (const pass of early) pass.failure("connection");
    expect(scene.breakers.stateOf("gpu").state).toBe("closed");
    expect(scene.changes).toEqual([]);
  });

  test("isn't spent on questions", () => {
    const { breakers } = createScene();
    breakers.blockOf("gpu", "llama");
    breakers.stateOf("gpu");
    breakers.settleSuspicion("gpu", true);
    expect(breakers.census()).toEqual({ endpoints: 0, models: 0 });
    expect(breakers.openEndpoints()).toBe(0);
  });
});
