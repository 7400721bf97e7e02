// Codex CLI, the program itself: it speaks nothing but the Responses API.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Answer } from "./support/answer.ts";
import { askCodex } from "./support/ask-codex.ts";
import { Fleet, via } from "./support/fleet.ts";
import { onePixel } from "./support/one-pixel.ts";
import { SubtaskModel } from "./support/parallel-subtasks.ts";
import { ensureClient } from "./support/programs.ts";
import type { Turn } from "./support/turn.ts";
import { Workplace } from "./support/workplace.ts";

const codex = await ensureClient("codex");
setDefaultTimeout(120_000);

const triesWebSockets = "model_providers.olla.supports_websockets=true";

const answers = (turn: Turn): Answer => ({
  reasoning: "They want their own words back.",
  // Behind what Codex tells of its surroundings.
  text: `You asked: ${turn.userTexts.at(-1)?.split("\n").at(-1)}`,
});

/** Prints a file, then tells the word that is in it. */
const readThenTell = (turn: Turn): Answer => {
  const [result] = turn.freshResults;
  if (result !== undefined) return { text: `Found: ${/heron/.exec(result.text)?.[0]}` };
  const call = { id: "call_1", name: "exec_command", input: { cmd: "cat secret.txt" } };
  return { text: "I read it.", calls: [call] };
};

const secret = { "work/secret.txt": "the word is heron\n" };

describe.skipIf(!codex.isInstalled)(`Codex CLI${codex.why}`, () => {
  test("answers", async () => {
    await using fleet = await Fleet.start(answers);
    await using place = await Workplace.make();
    const run = await askCodex(codex, fleet, place, "What is the answer?");
    expect(run).toMatchObject({ code: 0, stdout: "You asked: What is the answer?\n" });
  });

  test.skipIf(via === "passthrough")("answers at the bare address", async () => {
    await using fleet = await Fleet.start(answers);
    await using place = await Workplace.make();
    const run = await askCodex(codex, fleet.bare, place, "What is the answer?");
    expect(run).toMatchObject({ code: 0, stdout: "You asked: What is the answer?\n" });
  });

  test("runs a tool and uses its result", async () => {
    await using place = await Workplace.make(secret);
    await using fleet = await Fleet.start(readThenTell);
    const run = await askCodex(codex, fleet, place, "Which word is in secret.txt?");
    expect(run).toMatchObject({ code: 0, stdout: "Found: heron\n" });
    expect(fleet.endpoint().turns.at(-1)?.results[0]?.callId).toBe("call_1");
  });

  test("two calls in one answer both run, and both results come back", async () => {
    await using place = await Workplace.make({ "work/one.txt": "heron", "work/two.txt": "egret" });
    const script = (turn: Turn): Answer => {
      const words = turn.freshResults.map((result) => /heron|egret/.exec(result.text)?.[0]);
      if (words.length > 0) return { text: words.join(" and ") };
      const calls = ["one", "two"].map((name) => ({
        id: `call_${name}`,
        name: "exec_command",
        input: { cmd: `cat ${name}.txt` },
      }));
      return { calls };
    };
    await using fleet = await Fleet.start(script);
    const run = await askCodex(codex, fleet, place, "Which words are in both files?");
    expect(run).toMatchObject({ code: 0, stdout: "heron and egret\n" });
  });

  test("two subtasks run at the same time, and both reports come back", async () => {
    const subtasks = new SubtaskModel();
    const script = async (turn: Turn): Promise<Answer> => {
      const answer = await subtasks.answer(turn);
      if (answer !== undefined) return answer;
      const said = [...turn.results.map((result) => result.text), ...turn.userTexts].join("\n");
      const reports = subtasks.reportsIn(said);
      if (reports.length === subtasks.words.length) return { text: reports.join(", ") };
      // Its tools for subagents are in a namespace, whose name a translation puts before theirs.
      const nameOf = (ending: string): string =>
        turn.toolNames.find((name) => name.endsWith(ending)) ?? `no tool ${ending}`;
      const agents = turn.results.flatMap((result) => /"agent_id":"([^"]+)"/.exec(result.text)?.[1] ?? []);
      if (agents.length > 0) {
        const input = { targets: agents, timeout_ms: 30_000 };
        return { calls: [{ id: `call_wait_${turn.results.length}`, name: nameOf("wait_agent"), input }] };
      }
      const calls = subtasks.words.map((word) => ({
        id: `call_${word}`,
        name: nameOf("spawn_agent"),
        input: { message: subtasks.prompt(word) },
      }));
      return { calls };
    };
    await using fleet = await Fleet.start(script);
    await using place = await Workplace.make();
    const run = await askCodex(codex, fleet, place, "Let two agents count letters.");
    expect(run).toMatchObject({ code: 0, stdout: "alpha has 5 letters, omega has 5 letters\n" });
  });

  test("goes on when the endpoint dies between two turns", async () => {
    await using place = await Workplace.make(secret);
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length > 0) fleet.endpoint().kill();
      return readThenTell(turn);
    }, readThenTell);
    const run = await askCodex(codex, fleet, place, "Which word is in secret.txt?");
    expect(run).toMatchObject({ code: 0, stdout: "Found: heron\n" });
    expect(fleet.endpoint(1).turns).toHaveLength(1);
  });

  test("asks again when the endpoint dies in the middle of an answer", async () => {
    await using place = await Workplace.make(secret);
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length === 0) return readThenTell(turn);
      return { text: "Found: nothing that you may see, ever", cutAfter: 5 };
    }, readThenTell);
    const run = await askCodex(codex, fleet, place, "Which word is in secret.txt?");
    expect(run).toMatchObject({ code: 0, stdout: "Found: heron\n" });
    expect(fleet.endpoint(1).turns).toHaveLength(1);
  });

  test.skipIf(via === "passthrough")(
    "a WebSocket that it was told to try is refused at once, and it goes on without",
    async () => {
      await using fleet = await Fleet.start(answers);
      await using place = await Workplace.make();
      const run = await askCodex(codex, fleet, place, "What is the answer?", "-c", triesWebSockets);
      expect(run).toMatchObject({ code: 0, stdout: "You asked: What is the answer?\n" });
      // Any other status than 426 makes it try five times more, or give up.
      expect(run.stderr).not.toContain("Reconnecting");
      const attempts = fleet.olla
        .accessLog()
        .filter((record) => record.method === "GET" && String(record.path).endsWith("/responses"));
      expect(attempts.map((record) => record.status)).toEqual([426]);
    },
  );

  test.skipIf(via === "passthrough")("looks at a picture that a tool gave it", async () => {
    await using place = await Workplace.make({ "work/pixel.png": onePixel });
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length > 0) return { text: `Seen: ${turn.images.join(", ")}` };
      const input = { path: join(place.work, "pixel.png") };
      return { calls: [{ id: "call_1", name: "view_image", input }] };
    });
    const run = await askCodex(codex, fleet, place, "What is in pixel.png?");
    expect(run).toMatchObject({ code: 0, stdout: "Seen: data:image/png;base64,\n" });
  });

  test.skipIf(via === "passthrough")("a context that is too long is told in its own words", async () => {
    await using fleet = await Fleet.start(() => ({
      status: 400,
      message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    }));
    await using place = await Workplace.make();
    const run = await askCodex(codex, fleet, place, "What is the answer?");
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("ran out of room in the model's context window");
  });
});
