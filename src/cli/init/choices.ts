import { checkEndpointName, nameFromUrl, normaliseUrl, readEndpointUrl } from "../../config/endpoint-url.ts";
import type { PortReport } from "../../models/local-search.ts";
import { harmless } from "../safe-text.ts";
import type { Asker } from "./asker.ts";

export interface ChosenEndpoint {
  readonly name: string;
  readonly url: string;
  /** A profile's name, or `auto`. */
  readonly type: string;
}

/** What goes into the configuration. */
export interface Choices {
  readonly endpoints: readonly ChosenEndpoint[];
  /** Whether other machines may come in. */
  readonly isOpen: boolean;
  readonly port: number;
}

export const usualPort = 40_114;

/** What is taken when nobody is asked: all that was found, for this machine only. */
export function chooseUnasked(found: readonly PortReport[]): Choices {
  return { endpoints: found.flatMap(endpointOf), isOpen: false, port: usualPort };
}

/** What a look at an address says; its kind, where something answered. */
export type LookAt = (url: string) => Promise<{ readonly text: string; readonly type: string | undefined }>;

/** Asks what only the user can know. @throws AskingEnded */
export async function chooseByAsking(
  found: readonly PortReport[],
  { ask }: Asker,
  tell: (line: string) => void,
  lookAt: LookAt,
): Promise<Choices> {
  const endpoints: ChosenEndpoint[] = [];
  const takeAs = async (endpoint: ChosenEndpoint) => {
    endpoints.push({ ...endpoint, name: await askName(endpoint.name, endpoints, ask, tell) });
  };
  for (const report of found) {
    for (const endpoint of endpointOf(report)) {
      if (await askYes(`Use ${report.text} at ${report.url}? [Y/n]`, ask, tell)) await takeAs(endpoint);
    }
  }
  for (;;) {
    const url = await askAddress(endpoints, ask, tell);
    if (url === undefined) break;
    const { text, type } = await lookAt(url);
    tell(`  ${text}`);
    await takeAs({ url, type: type ?? "auto", name: nameFromUrl(url)?.replace(/:\d+$/, "") ?? url });
  }
  const isOpen = await askOpen(ask, tell);
  return { endpoints, isOpen, port: await askPort(ask, tell) };
}

function endpointOf({ found }: PortReport): ChosenEndpoint[] {
  return found === undefined ? [] : [{ name: found.name, url: found.url, type: found.profileName }];
}

type Ask = Asker["ask"];
type Tell = (line: string) => void;

async function askYes(question: string, ask: Ask, tell: Tell): Promise<boolean> {
  for (;;) {
    const answer = (await ask(question)).toLowerCase();
    if (["", "y", "yes"].includes(answer)) return true;
    if (["n", "no"].includes(answer)) return false;
    tell("  y or n, please");
  }
}

async function askName(
  usual: string,
  others: readonly ChosenEndpoint[],
  ask: Ask,
  tell: Tell,
): Promise<string> {
  for (;;) {
    const name = (await ask(`  Its name [${usual}]:`)) || usual;
    const fault = others.some((other) => other.name === name)
      ? `${harmless(name)} is the name of another one already`
      : checkEndpointName(name);
    if (fault === undefined) return name;
    tell(`  ${fault}`);
  }
}

/** @returns `undefined` when there is no further one */
async function askAddress(
  others: readonly ChosenEndpoint[],
  ask: Ask,
  tell: Tell,
): Promise<string | undefined> {
  for (;;) {
    const answer = await ask(
      "Address of another server, such as http://192.168.1.20:8000 (nothing for no more):",
    );
    if (answer === "") return undefined;
    const faults: string[] = [];
    const url = readEndpointUrl(answer, (message) => void faults.push(message));
    if (faults.length === 0 && others.some((other) => normaliseUrl(other.url) === normaliseUrl(url))) {
      faults.push("this one is in the list already");
    }
    if (faults.length === 0) return url;
    tell(`  ${faults.join("; ")}`);
  }
}

async function askOpen(ask: Ask, tell: Tell): Promise<boolean> {
  tell("Who may use Olla: 1 programs on this machine, 2 other machines of the network as well");
  for (;;) {
    const answer = (await ask("1 or 2? [1]")) || "1";
    if (answer === "1" || answer === "2") return answer === "2";
    tell("  1 or 2, please");
  }
}

async function askPort(ask: Ask, tell: Tell): Promise<number> {
  for (;;) {
    const answer = (await ask(`Port to listen on [${usualPort}]:`)) || String(usualPort);
    const port = Number(answer);
    if (/^\d+$/.test(answer) && port >= 1 && port <= 65_535) return port;
    tell("  a port is a number from 1 to 65535");
  }
}
