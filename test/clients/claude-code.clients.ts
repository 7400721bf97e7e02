// Claude Code, the program itself, without a screen and without an account.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Answer } from "./support/answer.ts";
import { askClaudeCode } from "./support/ask-claude-code.ts";
import { Fleet, via } from "./support/fleet.ts";
import { onePixel } from "./support/one-pixel.ts";
import { SubtaskModel } from "./support/parallel-subtasks.ts";
import { ensureClient } from "./support/programs.ts";
import type { Turn } from "./support/turn.ts";
import { Workplace } from "./support/workplace.ts";

const claude = await ensureClient("claude-code");
setDefaultTimeout(120_000);

const answers = (turn: Turn): Answer => ({ text: `You asked: ${turn.userTexts.at(-1)?.split("\n").at(-1)}` });

/** Reads a file, then tells the word that is in it. */
function readThenTell(place: Workplace): (turn: Turn) => Answer {
  return (turn) => {
    const [result] = turn.freshResults;
    if (result !== undefined) return { text: `Found: ${/heron/.exec(result.text)?.[0]}` };
    const input = { file_path: join(place.work, "secret.txt") };
    return { text: "I read it.", calls: [{ id: "toolu_1", name: "Read", input }] };
  };
}

describe.skipIf(!claude.isInstalled)(`Claude Code${claude.why}`, () => {
  test("answers", async () => {
    await using fleet = await Fleet.start(answers);
    await using place = await Workplace.make();
    const run = await askClaudeCode(claude, fleet, place, "What is the answer?");
    expect(run).toMatchObject({ code: 0, stdout: "You asked: What is the answer?\n" });
    expect(place.outside).toEqual([]);
  });

  test.skipIf(via === "passthrough")("answers at the bare address", async () => {
    await using fleet = await Fleet.start(answers);
    await using place = await Workplace.make();
    const run = await askClaudeCode(claude, fleet.bare, place, "What is the answer?");
    expect(run).toMatchObject({ code: 0, stdout: "You asked: What is the answer?\n" });
  });

  test("runs a tool and uses its result", async () => {
    await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
    await using fleet = await Fleet.start(readThenTell(place));
    const run = await askClaudeCode(
      claude,
      fleet,
      place,
      "Which word is in secret.txt?",
      "--allowedTools",
      "Read",
    );
    expect(run).toMatchObject({ code: 0, stdout: "Found: heron\n" });
    expect(fleet.endpoint().turns.at(-1)?.results[0]?.callId).toBe("toolu_1");
  });

  test("two subtasks run at the same time, and both reports come back", async () => {
    const subtasks = new SubtaskModel();
    const script = async (turn: Turn): Promise<Answer> => {
      const answer = await subtasks.answer(turn);
      if (answer !== undefined) return answer;
      const reports = subtasks.reportsIn(turn.freshResults.map((result) => result.text).join("\n"));
      if (reports.length > 0) return { text: reports.join(", ") };
      const calls = subtasks.words.map((word) => ({
        id: `toolu_${word}`,
        name: "Agent",
        input: {
          description: `Count ${word}`,
          prompt: subtasks.prompt(word),
          subagent_type: "general-purpose",
          run_in_background: false,
        },
      }));
      return { calls };
    };
    await using fleet = await Fleet.start(script);
    await using place = await Workplace.make();
    const run = await askClaudeCode(claude, fleet, place, "Let two agents count letters.");
    expect(run).toMatchObject({ code: 0, stdout: "alpha has 5 letters, omega has 5 letters\n" });
  });

  test("goes on when the endpoint dies between two turns", async () => {
    await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
    const script = readThenTell(place);
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length > 0) fleet.endpoint().kill();
      return script(turn);
    }, script);
    const run = await askClaudeCode(
      claude,
      fleet,
      place,
      "Which word is in secret.txt?",
      "--allowedTools",
      "Read",
    );
    expect(run).toMatchObject({ code: 0, stdout: "Found: heron\n" });
    expect(fleet.endpoint(1).turns).toHaveLength(1);
  });

  test("asks again when the endpoint dies in the middle of an answer", async () => {
    await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
    const script = readThenTell(place);
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length === 0) return script(turn);
      return { text: "Found: nothing that you may see, ever", cutAfter: 5 };
    }, script);
    const run = await askClaudeCode(
      claude,
      fleet,
      place,
      "Which word is in secret.txt?",
      "--allowedTools",
      "Read",
    );
    expect(run).toMatchObject({ code: 0, stdout: "Found: heron\n" });
    expect(fleet.endpoint(1).turns).toHaveLength(1);
    expect(fleet.endpoint(1).turns[0]?.results[0]?.text).toContain("heron");
  });

  test.skipIf(via === "passthrough")("looks at a picture that a tool gave it", async () => {
    await using place = await Workplace.make({ "work/pixel.png": onePixel });
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length > 0) return { text: `Seen: ${turn.images.join(", ")}` };
      const input = { file_path: join(place.work, "pixel.png") };
      return { calls: [{ id: "toolu_1", name: "Read", input }] };
    });
    const run = await askClaudeCode(claude, fleet, place, "What is in pixel.png?", "--allowedTools", "Read");
    expect(run).toMatchObject({ code: 0, stdout: "Seen: data:image/png;base64,\n" });
  });

  test.skipIf(via === "passthrough")("a tool that it loads on the way is there from then on", async () => {
    const hasFetch = (turn: Turn): boolean => turn.toolNames.includes("WebFetch");
    await using place = await Workplace.make();
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length > 0) return { text: `WebFetch is there: ${hasFetch(turn)}` };
      if (hasFetch(turn)) return { text: "It was there before." };
      const input = { query: "select:WebFetch", max_results: 1 };
      return { calls: [{ id: "toolu_1", name: "ToolSearch", input }] };
    });
    const run = await askClaudeCode(claude, fleet, place, "Fetch a page.");
    expect(run).toMatchObject({ code: 0, stdout: "WebFetch is there: true\n" });
  });

  test.skipIf(via === "passthrough")("a context that is too long is told in its own words", async () => {
    await using fleet = await Fleet.start(() => ({
      status: 400,
      message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    }));
    await using place = await Workplace.make();
    const run = await askClaudeCode(claude, fleet, place, "What is the answer?");
    expect(run).toMatchObject({ code: 1 });
    expect(run.stdout).toContain("Prompt is too long");
    expect(run.stdout).toContain("limit 4096");
  });
});
