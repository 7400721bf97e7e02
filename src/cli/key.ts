import { nameFault } from "../config/client-key-fields.ts";
import { digestOf } from "../lib/key-digest.ts";
import { UsageError } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";
import { yamlText } from "./yaml-text.ts";

/** Says at a glance whose key it is, to people and to programs that look for leaked ones. */
const keyPrefix = "olla_";
const randomBytes = 32;

export interface NewKeyOptions {
  /** Of whoever will use it. */
  readonly name: string;
}

/**
 * Makes a key and prints it, this once, with what belongs into the configuration. The key is the first line of the output
 * and the rest is YAML, so that scripts can take either; words for people go to the other stream.
 * @returns the exit code
 * @throws UsageError for a name that the configuration would not take
 */
export function newKey({ name }: NewKeyOptions, terminal: Pick<Terminal, "out" | "err">): number {
  const fault = name === "" ? "expected a name, got nothing" : nameFault(name);
  if (fault !== undefined) throw new UsageError(`--name: ${fault}`);
  const key =
    keyPrefix + Buffer.from(crypto.getRandomValues(new Uint8Array(randomBytes))).toString("base64url");
  terminal.err("The first line is the key. It is shown only now: give it to whoever will use it.\n");
  terminal.err("What follows goes into the configuration, which does not tell the key.\n\n");
  const lines = ["auth:", "  keys:", `    - name: ${yamlText(name)}`, `      hash: sha256:${digestOf(key)}`];
  terminal.out(`${key}\n\n${lines.join("\n")}\n`);
  return 0;
}
