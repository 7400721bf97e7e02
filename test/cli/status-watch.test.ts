import { expect, test } from "bun:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { runOnTerminal, type TerminalRun } from "../support/run-on-terminal.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { type RunningOlla, startOlla } from "../support/start-olla.ts";
import { waitUntil, within } from "../support/wait-until.ts";

const enter = "\u001b[?1049h";
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";

async function startFleet(upstream: FakeUpstream): Promise<RunningOlla> {
  return await startOlla({ endpoints: [{ name: "alpha", url: upstream.url, type: "openai-compatible" }] });
}

const arguments_ = (url: string) => ["status", "--watch", "--interval", "200ms", "--url", url];

function watch(url: string, size: { columns?: number; rows?: number } = {}): TerminalRun {
  return runOnTerminal([...sourceCommand, ...arguments_(url)], size);
}

async function chat(olla: RunningOlla): Promise<void> {
  const body = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "Hi" }] });
  const answer = await fetch(`${olla.url}/olla/openai/v1/chat/completions`, { method: "POST", body });
  await answer.arrayBuffer();
}

test("the picture follows what happens, and q gives the screen back", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startFleet(upstream);
  await using run = watch(olla.url);
  await run.shows((frame) => frame.includes("● alpha") && frame.includes("no requests yet"), "the fleet");
  for (let count = 0; count < 3; count++) await chat(olla);
  await run.shows((frame) => /^3 requests .*100% ok/m.test(frame), "the requests");
  await run.shows((frame) => /[\d.]+ requests\/s/.test(frame), "the rates");
  expect(run.output()).toContain(enter);
  run.type("q");
  expect(await within(run.exited, 5_000, "q ends it")).toBe(0);
  await waitUntil(() => run.output().trimEnd().endsWith(leave), { what: "the screen comes back" });
}, 20_000);

for (const stop of ["SIGTERM", "SIGINT", "Ctrl-C"] as const) {
  test(`${stop} gives the screen back, too`, async () => {
    await using upstream = new FakeUpstream();
    await using olla = await startFleet(upstream);
    await using run = watch(olla.url);
    await run.shows((frame) => frame.includes("● alpha"), "the fleet");
    if (stop === "Ctrl-C") run.type("\u0003");
    else run.signal(stop);
    expect(await within(run.exited, 5_000, "it ends")).toBe(0);
    await waitUntil(() => run.output().trimEnd().endsWith(leave), { what: "the screen comes back" });
  }, 20_000);
}

test("a window of another size gets another picture at once", async () => {
  await using upstream = new FakeUpstream({
    models: Array.from({ length: 40 }, (_, index) => `model-${index}`),
  });
  await using olla = await startFleet(upstream);
  await using run = watch(olla.url, { columns: 100, rows: 20 });
  await run.shows((frame) => /and \d+ more models/.test(frame), "what fits");
  const linesOf = (frame: string) => frame.trimEnd().split("\n");
  expect(linesOf(run.frame()).length).toBeLessThanOrEqual(20);
  run.resize(40, 12);
  await run.shows(
    (frame) => linesOf(frame).length <= 12 && linesOf(frame).every((line) => line.length <= 40),
    "less",
  );
  run.resize(120, 60);
  await run.shows((frame) => frame.includes("model-39") && !frame.includes("more models"), "everything");
}, 20_000);

test("when the server goes, the last picture stays with its age; when it is back, so are the figures", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startFleet(upstream);
  const pass = (request: Request) =>
    fetch(olla.url + new URL(request.url).pathname + new URL(request.url).search, { decompress: false });
  let front = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: pass });
  const { port } = front;
  try {
    await using run = watch(`http://127.0.0.1:${port}`);
    await run.shows((frame) => frame.includes("● alpha"), "the fleet");
    await front.stop(true);
    await run.shows((frame) => frame.includes("no answer for"), "that it is gone");
    expect(run.frame()).toContain(`nothing listens at http://127.0.0.1:${port}`);
    expect(run.frame()).toContain("● alpha");
    front = Bun.serve({ hostname: "127.0.0.1", port: port ?? 0, fetch: pass });
    await run.shows(
      (frame) => !frame.includes("no answer") && frame.includes("requests/s"),
      "that it is back",
    );
  } finally {
    await front.stop(true);
  }
}, 30_000);

test("without a terminal it is one block after the other, or one line of JSON", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startFleet(upstream);
  for (const [flags, isSecond] of [
    [[], (text: string) => (text.match(/^Olla /gm)?.length ?? 0) >= 2],
    [["--json"], (text: string) => text.split("\n").length > 2],
  ] as const) {
    const child = Bun.spawn([...sourceCommand, ...arguments_(olla.url), ...flags], {
      env: { PATH: process.env.PATH ?? "" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let written = "";
    const gathered = (async () => {
      for await (const piece of child.stdout) written += new TextDecoder().decode(piece);
    })();
    await waitUntil(() => isSecond(written), { deadlineMs: 10_000, what: "the second look" });
    child.kill("SIGTERM");
    expect(await within(child.exited, 5_000, "it ends")).toBe(0);
    await gathered;
    expect(written).not.toContain("\u001b");
    if (flags.length > 0) for (const line of written.trimEnd().split("\n")) JSON.parse(line);
  }
}, 20_000);

test("it ends in peace when nobody reads it any more", async () => {
  await using upstream = new FakeUpstream();
  await using olla = await startFleet(upstream);
  const child = Bun.spawn([...sourceCommand, ...arguments_(olla.url)], {
    env: { PATH: process.env.PATH ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await within(child.exited, 10_000, "it ends")).toBe(0);
  expect(await new Response(child.stderr).text()).toBe("");
}, 20_000);

test("where nobody listens to begin with, there is nothing to watch", async () => {
  await using run = watch("http://127.0.0.1:2");
  expect(await within(run.exited, 10_000, "it ends")).toBe(1);
  expect(run.output()).toContain("nothing listens at http://127.0.0.1:2");
  expect(run.output()).not.toContain(enter);
});
