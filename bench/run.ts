// `npm run bench`: the fake upstream alone, Olla and other proxies in front of it, in one go. See README.md.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { endWithThisProcess } from "./children.ts";
import { failures, type Judgement, judge, type Results } from "./goals.ts";
import { readSetting, type Setting } from "./machine.ts";
import type { Measured } from "./measurements.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { PeerSet } from "./peer-set.ts";
import { ollaCommand, startUpstream } from "./peers.ts";
import { renderPage } from "./performance-page.ts";
import { barsOf, drawPlot } from "./plot.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { idle, size, start } from "./scenarios/at-rest.ts";
import { bigBody } from "./scenarios/big-body.ts";
import { small, smallAlone, streams, streamsAlone, translated } from "./scenarios/load.ts";
import { manyEndpoints } from "./scenarios/many-endpoints.ts";
import { manyStreams } from "./scenarios/many-streams.ts";
import { asText, goalTable, scenarioTable, scenarioTables } from "./tables.ts";

const scenarios: readonly Scenario[] = [
  small,
  smallAlone,
  streams,
  streamsAlone,
  translated,
  manyStreams,
  bigBody,
  manyEndpoints,
  idle,
  start,
  size,
];

const docs = resolve(import.meta.dir, "../docs");

interface Run {
  readonly setting: Setting;
  readonly results: Results;
  /** Scenarios that came to no end. */
  readonly failed: readonly string[];
  readonly peers: readonly string[];
}

async function runAll(options: Options, chosen: readonly Scenario[]): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "olla-bench-"));
  endWithThisProcess(folder);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const upstream = await startUpstream(options.upstreamPort);
  stack.defer(() => upstream.stop());
  const command = options.olla === undefined ? ollaCommand() : [resolve(options.olla)];
  const peerSet = new PeerSet(folder, upstream, options, command);
  stack.defer(() => peerSet.stop());
  const setting = readSetting(command);
  console.log(`${setting.date}, ${setting.machine}\n${JSON.stringify(setting.versions)}`);

  const results: Record<string, Measured> = {};
  const failed: string[] = [];
  const bench: Bench = {
    folder,
    rounds: options.rounds,
    upstream,
    ollaCommand: command,
    isForEveryPeer: options.isForEveryPeer,
    peers: () => peerSet.all(),
    note: (progress) => process.stderr.write(` ${progress}`),
  };
  for (const scenario of chosen) {
    process.stderr.write(`\n${scenario.name}:`);
    try {
      const measured = await scenario.run(bench);
      results[scenario.name] = measured;
      console.log(`\n${asText(scenarioTable(scenario, measured))}\n`);
    } catch (error) {
      // The others may still tell something; what this one should have told counts as not measured.
      process.stderr.write("\n");
      console.error(error);
      failed.push(scenario.name);
    }
  }
  const named = options.peers.map((each) => each.slice(0, each.indexOf("=")));
  return { setting, results, failed, peers: options.ollaGo === undefined ? named : [...named, "olla-go"] };
}

async function writePage(run: Run, options: Options, judgements: readonly Judgement[]): Promise<void> {
  const page = Bun.file(join(docs, "performance.md"));
  const bars = barsOf(judgements);
  const plot = "performance.svg";
  const text = renderPage((await page.exists()) ? await page.text() : undefined, {
    setting: run.setting,
    rounds: options.rounds,
    goals: goalTable(judgements),
    scenarios: scenarioTables(scenarios, run.results),
    plot: bars.length === 0 ? undefined : plot,
  });
  await Bun.write(page, text);
  const subtitle = `${run.setting.date}, ${run.setting.machine}`;
  if (bars.length > 0)
    await Bun.write(join(docs, plot), drawPlot("Olla's figures to those of other proxies", subtitle, bars));
  console.log("wrote docs/performance.md");
}

async function main(args: readonly string[]): Promise<number> {
  if (process.platform !== "linux")
    throw new Error("the bench reads processor times from /proc: it runs on Linux only");
  const names = scenarios.map(({ name }) => name);
  const options = readOptions(args, names);
  if (typeof options === "string") {
    console.error(`${options}\n\n${usage}`);
    return 2;
  }
  const chosen = scenarios.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const run = await runAll(options, chosen);
  const judgements = judge(
    run.results,
    chosen.map(({ name }) => name),
    run.peers,
  );
  const looked = judgements.filter(({ isAsked, verdict }) => isAsked || verdict !== "not measured");
  console.log(`\n${asText(goalTable(looked))}`);
  if (options.json !== undefined)
    await Bun.write(
      options.json,
      `${JSON.stringify({ ...run.setting, results: run.results }, undefined, 1)}\n`,
    );
  if (options.isToWrite) await writePage(run, options, judgements);
  if (!options.isCheck) return run.failed.length === 0 ? 0 : 1;
  const missed = failures(judgements);
  for (const { goal, verdict } of missed) console.error(`${verdict}: ${goal.text}`);
  return missed.length === 0 ? 0 : 1;
}

const args = process.argv.slice(2);
if (args.includes("--help")) console.log(usage);
else process.exitCode = await main(args);
