import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Choices, chooseUnasked } from "../../src/cli/init/choices.ts";
import { renderConfig } from "../../src/cli/init/render-config.ts";
import { WriteError, writeFiles } from "../../src/cli/init/write-files.ts";
import { init } from "../../src/cli/init.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { buildIdentity } from "../../src/lib/build-identity.ts";
import { loadProfiles } from "../../src/profiles/load.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { findFreePort } from "../support/free-port.ts";
import { runOnTerminal, type TerminalRun } from "../support/run-on-terminal.ts";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { answerJson } from "../support/upstream-behaviours.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "olla-init-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function newFolder(): Promise<string> {
  return mkdtemp(join(root, "folder-"));
}

async function load(path: string) {
  const { config, problems } = await loadConfig({ path, env: {}, cwd: root });
  // That keys are wanted where the network may come in is advice, which the file gives, too.
  expect(problems.filter(({ kind }) => kind !== "advice").map(formatProblem)).toEqual([]);
  return config;
}

function startOllama(models: readonly string[] = ["tiny"]): FakeUpstream {
  return new FakeUpstream({ kind: "ollama", models, behave: answerJson({}, 404) });
}

function startVllm(): FakeUpstream {
  const list = { object: "list", data: [{ id: "tiny", object: "model", owned_by: "vllm" }] };
  return new FakeUpstream({ kind: "vllm", list: answerJson(list), behave: answerJson({}, 404) });
}

const script = join(import.meta.dir, "../support/init-on-ports.ts");

function askOn(output: string, kind: string, ports: readonly number[]): TerminalRun {
  return runOnTerminal([process.execPath, script, output, kind, ...ports.map(String)], { columns: 120 });
}

/** Waits for each question, wherever it is on the screen, before it answers. */
async function answer(run: TerminalRun, dialogue: readonly (readonly [question: string, keys: string])[]) {
  let from = 0;
  for (const [question, keys] of dialogue) {
    await run.shows((frame) => frame.indexOf(question, from) >= 0, `the question "${question}"`);
    from = run.frame().indexOf(question, from) + question.length;
    run.type(`${keys}\r`);
  }
}

describe("on a terminal", () => {
  test("what is answered is written, and loads", async () => {
    await using found = startOllama(["one", "two"]);
    await using unwanted = startOllama();
    await using added = startVllm();
    const silent = findFreePort();
    const folder = await newFolder();
    const output = join(folder, "config.yaml");
    const [first, second] = [found, unwanted].toSorted((left, right) => left.port - right.port);
    await using run = askOn(output, "ollama", [first?.port ?? 0, second?.port ?? 0]);
    const aboutFound: (readonly [string, string])[] = [
      [`at ${found.url}? [Y/n]`, ""],
      ["Its name [", "gpu box"],
    ];
    const aboutUnwanted: (readonly [string, string])[] = [
      [`at ${unwanted.url}? [Y/n]`, "maybe"],
      ["y or n, please", "n"],
    ];
    await answer(run, [
      ...(first === found ? [...aboutFound, ...aboutUnwanted] : [...aboutUnwanted, ...aboutFound]),
      ["Address of another server", "gpu-box:8000"],
      ["did you mean", found.url],
      ["in the list already", added.url],
      ["Its name [", "gpu box"],
      ["the name of another one already", "desk"],
      ["Address of another server", `http://127.0.0.1:${silent}`],
      ["taken all the same", ""],
      ["Address of another server", ""],
      ["1 or 2? [1]", "3"],
      ["1 or 2, please", "2"],
      ["Port to listen on [40114]", "70000"],
      ["from 1 to 65535", "40200"],
      ["olla doctor", ""],
    ]);
    expect(await run.exited).toBe(0);
    const config = await load(output);
    expect(config?.server).toMatchObject({ host: "0.0.0.0", port: 40200 });
    expect(config?.discovery.static.endpoints?.map(({ name, url, type }) => [name, url, type])).toEqual([
      ["gpu box", found.url, "ollama"],
      ["desk", added.url, "vllm"],
      ["127.0.0.1", `http://127.0.0.1:${silent}`, "auto"],
    ]);
    expect((await readdir(folder)).sort()).toEqual(["config.schema.json", "config.yaml"]);
  }, 20_000);

  for (const [what, key, code] of [
    ["Ctrl-C", "\u0003", 130],
    ["the end of the input", "\u0004", 1],
  ] as const) {
    test(`${what} leaves nothing behind`, async () => {
      await using found = startOllama();
      const folder = await newFolder();
      await using run = askOn(join(folder, "config.yaml"), "ollama", [found.port]);
      await answer(run, [["[Y/n]", "y"]]);
      await run.shows((frame) => frame.includes("Its name ["), "the second question");
      run.type(key);
      expect(await run.exited).toBe(code);
      expect(run.output()).toContain("nothing was written");
      expect(await readdir(folder)).toEqual([]);
    });
  }
});

describe("without questions", () => {
  async function initUnasked(folder: string, found: FakeUpstream | undefined, flags = {}, env = {}) {
    let output = "";
    const print = (text: string) => {
      output += text;
    };
    const profile = loadProfiles().profiles.byType("ollama");
    if (profile === undefined) throw new Error("there is no profile of Ollama");
    const code = await init(
      { output: "config.yaml", yes: true, ...flags },
      {
        terminal: { out: print, err: print, env, cwd: folder, isScreen: false, exitNow() {} },
        build: buildIdentity,
        openAsker: undefined,
        ports: [{ port: found?.port ?? findFreePort(), profiles: [profile] }],
      },
    );
    return { code, output };
  }

  test("everything that is found is taken, for this machine only", async () => {
    await using found = startOllama(["one"]);
    const folder = await newFolder();
    const { code, output } = await initUnasked(folder, found);
    expect(code).toBe(0);
    expect(output).toContain(`${found.url}  Ollama, 1 model`);
    const config = await load(join(folder, "config.yaml"));
    expect(config?.server).toMatchObject({ host: "localhost", port: 40114 });
    expect(config?.discovery.static.endpoints).toMatchObject([
      { name: `ollama-${found.port}`, url: found.url, type: "ollama" },
    ]);
  });

  test("with nothing found, the file has an example and Olla goes on looking", async () => {
    const folder = await newFolder();
    const { code, output } = await initUnasked(folder, undefined);
    expect(code).toBe(0);
    expect(output).toContain("no endpoint yet");
    expect((await load(join(folder, "config.yaml")))?.discovery.static.endpoints).toBeUndefined();
  });

  test("what is there is overwritten with --force only", async () => {
    const folder = await newFolder();
    await Bun.write(join(folder, "config.yaml"), "mine: true\n");
    const refused = await initUnasked(folder, undefined);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain("config.yaml is there already: --force overwrites");
    expect(await Bun.file(join(folder, "config.yaml")).text()).toBe("mine: true\n");
    expect(await readdir(folder)).toEqual(["config.yaml"]);
    const elsewhere = await initUnasked(folder, undefined, { output: "other.yaml" });
    expect([elsewhere.code, elsewhere.output.includes("olla -c other.yaml")]).toEqual([0, true]);
    // Another file is found before this one.
    await Bun.write(join(folder, "config/config.yaml"), "");
    const forced = await initUnasked(folder, undefined, { force: true });
    expect([forced.code, forced.output.includes("olla -c config.yaml")]).toEqual([0, true]);
    await load(join(folder, "config.yaml"));
    expect((await readdir(folder)).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("what does not load is not written: a variable of the environment may spoil it", async () => {
    const folder = await newFolder();
    const { code, output } = await initUnasked(folder, undefined, {}, { OLLA_SERVER_PORT: "many" });
    expect(code).toBe(1);
    expect(output).toContain("OLLA_SERVER_PORT  server.port: expected a whole number");
    expect(await readdir(folder)).toEqual([]);
  });

  test("a folder that does not exist is an error before anything else", async () => {
    const { code, output } = await initUnasked(await newFolder(), undefined, {
      output: "nowhere/config.yaml",
    });
    expect([code, output]).toEqual([1, expect.stringContaining("its folder does not exist")]);
  });
});

test("a file that came up meanwhile stays, and nothing is left of the others", async () => {
  const folder = await newFolder();
  const [schema, config] = [join(folder, "a.json"), join(folder, "a.yaml")];
  const files = [
    { path: schema, text: "{}" },
    { path: config, text: "ours" },
  ];
  const write = writeFiles(files, false, async () => void (await Bun.write(config, "theirs")));
  await expect(write).rejects.toThrow(WriteError);
  expect(await readdir(folder)).toEqual(["a.yaml"]);
  expect(await Bun.file(config).text()).toBe("theirs");
});

test("the examples in what is written load as well, once they are no comments", async () => {
  const choices: Choices[] = [
    chooseUnasked([]),
    { endpoints: [{ name: "a", url: "http://a:1", type: "auto" }], isOpen: true, port: 40114 },
  ];
  for (const each of choices) {
    const text = renderConfig(each, "config.schema.json");
    const uncommented = text
      .split("\n")
      .filter(
        (line) =>
          !/^#( [A-Z`]|$| yaml-language| docs)/.test(line) &&
          !/^# .*[:.]$/.test(line.replace(/^# +\S+:$/, "")),
      )
      .map((line) => line.replace(/^( *)# /, "$1"))
      .join("\n");
    const path = join(await newFolder(), "config.yaml");
    await Bun.write(path, uncommented);
    const config = await load(path);
    expect(config?.discovery.static.endpoints).toHaveLength(1);
    expect(Object.keys(config?.model_aliases ?? {})).toEqual(["fast"]);
    expect(config?.auth.keys).toHaveLength(1);
  }
});

describe("as a command", () => {
  test.concurrent("without a terminal it wants to be told --yes", async () => {
    const { code, stderr } = await runToEnd(["init"], { command: sourceCommand });
    expect([code, stderr]).toEqual([2, expect.stringContaining("--yes")]);
  });

  test.concurrent("with --yes it writes where --output says, whatever this machine has", async () => {
    const folder = await newFolder();
    const output = join(folder, "olla.yaml");
    const { code, stdout, stderr } = await runToEnd(["init", "-y", "-o", output], { command: sourceCommand });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`-c ${output}`);
    await load(output);
  });
});
