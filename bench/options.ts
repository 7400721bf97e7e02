import { parseArgs } from "node:util";

export interface Options {
  /** Names of scenarios; all of them where none is named. */
  readonly only: readonly string[];
  readonly rounds: number;
  /** `name=url` of proxies that run already. */
  readonly peers: readonly string[];
  readonly ollaGo: string | undefined;
  /** An executable to measure in place of `dist/olla` or the source. */
  readonly olla: string | undefined;
  /** 0 is any free one. */
  readonly upstreamPort: number;
  readonly isForEveryPeer: boolean;
  readonly isCheck: boolean;
  readonly isToWrite: boolean;
  readonly json: string | undefined;
}

export const usage = `npm run bench -- [options]
  --only NAME          one scenario, again for more; all of them without it
  --rounds N           rounds that count, besides the one that warms up; 5 without it
  --olla FILE          an executable of Olla in place of dist/olla
  --olla-go FILE       starts the program of the same name in Go as the peer olla-go
  --peer NAME=URL      a proxy of yours that is running, again for more; URL is where chat completions are posted
  --upstream-port N    where the fake upstream is, for peers to point at
  --every-peer         many-streams through every peer, not Olla alone
  --check              exits with 1 where a goal is not met
  --write              writes docs/performance.md and docs/performance.svg
  --json FILE          writes every value of every round`;

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`--${name} takes a whole number from ${least} on`);
  return value;
}

/** What the command line asks for, or what is wrong with it. */
export function readOptions(args: readonly string[], scenarios: readonly string[]): Options | string {
  try {
    return parseOptions(args, scenarios);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function parseOptions(args: readonly string[], scenarios: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true },
      rounds: { type: "string", default: "5" },
      peer: { type: "string", multiple: true },
      olla: { type: "string" },
      "olla-go": { type: "string" },
      "upstream-port": { type: "string", default: "0" },
      "every-peer": { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  const only = values.only ?? [];
  const unknown = only.filter((name) => !scenarios.includes(name));
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(", ")}; there are ${scenarios.join(", ")}`);
  return {
    only,
    rounds: wholeNumber("rounds", values.rounds, 1),
    peers: values.peer ?? [],
    ollaGo: values["olla-go"],
    olla: values.olla,
    upstreamPort: wholeNumber("upstream-port", values["upstream-port"], 0),
    isForEveryPeer: values["every-peer"],
    isCheck: values.check,
    isToWrite: values.write,
    json: values.json,
  };
}
