// opencode, the program itself, over each of the dialects that its bundled providers speak.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Answer } from "./support/answer.ts";
import { askOpencode, bundledProviders } from "./support/ask-opencode.ts";
import { Fleet } from "./support/fleet.ts";
import { SubtaskModel } from "./support/parallel-subtasks.ts";
import { ensureClient } from "./support/programs.ts";
import type { Turn } from "./support/turn.ts";
import { Workplace } from "./support/workplace.ts";

const opencode = await ensureClient("opencode");
setDefaultTimeout(120_000);

function readThenTell(place: Workplace): (turn: Turn) => Answer {
  return (turn) => {
    const [result] = turn.freshResults;
    if (result !== undefined) return { text: `Found: ${/heron/.exec(result.text)?.[0]}` };
    const input = { filePath: join(place.work, "secret.txt") };
    return { text: "I read it.", calls: [{ id: "call_1", name: "read", input }] };
  };
}

describe.skipIf(!opencode.isInstalled)(`opencode${opencode.why}`, () => {
  test.each(bundledProviders)("runs a tool and uses its result, over %s", async (provider) => {
    await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
    await using fleet = await Fleet.start(readThenTell(place));
    const run = await askOpencode(opencode, fleet, place, {
      provider,
      prompt: "Which word is in secret.txt?",
    });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("I read it.");
    expect(run.stdout).toContain("Found: heron");
  });

  test("two subtasks run at the same time, and both reports come back", async () => {
    const subtasks = new SubtaskModel();
    const script = async (turn: Turn): Promise<Answer> => {
      const answer = await subtasks.answer(turn);
      if (answer !== undefined) return answer;
      const reports = subtasks.reportsIn(turn.freshResults.map((result) => result.text).join("\n"));
      if (reports.length > 0) return { text: reports.join(", ") };
      const calls = subtasks.words.map((word) => ({
        id: `call_${word}`,
        name: "task",
        input: { description: `Count ${word}`, prompt: subtasks.prompt(word), subagent_type: "general" },
      }));
      return { calls };
    };
    await using fleet = await Fleet.start(script);
    await using place = await Workplace.make();
    const run = await askOpencode(opencode, fleet, place, { prompt: "Let two agents count letters." });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("alpha has 5 letters, omega has 5 letters");
  });

  test("goes on when the endpoint dies between two turns", async () => {
    await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
    const script = readThenTell(place);
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length > 0) fleet.endpoint().kill();
      return script(turn);
    }, script);
    const run = await askOpencode(opencode, fleet, place, { prompt: "Which word is in secret.txt?" });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("Found: heron");
    expect(fleet.endpoint(1).turns).toHaveLength(1);
  });

  test("asks again when the endpoint dies in the middle of an answer", async () => {
    await using place = await Workplace.make({ "work/secret.txt": "the word is heron\n" });
    const script = readThenTell(place);
    await using fleet = await Fleet.start((turn) => {
      if (turn.freshResults.length === 0) return script(turn);
      return { text: "Found: nothing that you may see, ever", cutAfter: 5 };
    }, script);
    const run = await askOpencode(opencode, fleet, place, { prompt: "Which word is in secret.txt?" });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain("Found: heron");
  });
});
