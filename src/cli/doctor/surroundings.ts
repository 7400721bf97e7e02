import { networkInterfaces } from "node:os";
import { isInContainer } from "../container.ts";
import type { Step } from "./step.ts";

/** What about this machine may explain why an endpoint cannot be reached. */
export interface Surroundings {
  /** `localhost` then is the container, and not the machine that people think of. */
  readonly isInContainer: boolean;
  /** Names of variables that send other programs through a proxy. */
  readonly proxyVariables: readonly string[];
  /** This machine's own, without loopback. */
  readonly ownAddresses: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

export function readSurroundings(env: Environment): Surroundings {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return {
    isInContainer: isInContainer(env),
    proxyVariables: Object.keys(env)
      .filter((name) => /^(?:https?|all)_proxy$/i.test(name) && env[name])
      .sort(),
    ownAddresses: addresses.filter(({ internal }) => !internal).map(({ address }) => address),
  };
}

/** What is worth saying of them whatever the endpoints do. */
export function noteSurroundings({ proxyVariables }: Surroundings): Pick<Step, "text" | "cure">[] {
  if (proxyVariables.length === 0) return [];
  // Their values may hold a password.
  return [
    {
      text: `${proxyVariables.join(", ")} ${proxyVariables.length === 1 ? "is" : "are"} set, and not used`,
      cure: "Olla asks its endpoints directly; one behind a proxy needs another way in, such as a tunnel",
    },
  ];
}
