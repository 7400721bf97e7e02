import { valueAt } from "../../config/key-list.ts";
import { isMapping } from "../../config/problem.ts";
import type { Patient } from "./step.ts";

/** Which key is to be set, for an endpoint that answers 401 or 403. */
export function cureForRefusedKey({ credential }: Pick<Patient, "credential">): string {
  if (credential === undefined) {
    const auth = 'auth: { type: bearer, token: "$' + '{NAME}" }';
    return `give the endpoint one: ${auth}, with the key in the variable NAME`;
  }
  return `is ${credential} the right one, still valid, and for this address? \`auth.type\` says how it is sent`;
}

const credentialKeys = ["token", "key", "password", "username"];

/** Where an endpoint's credential comes from, for people and without it. @param written its entry as it stands in the file */
export function describeCredential(written: unknown): string | undefined {
  const auth = valueAt(written, ["auth"]);
  for (const key of credentialKeys) {
    const file = valueAt(auth, [`${key}_file`]);
    if (typeof file === "string") return `the key in the file ${file}`;
    const inline = valueAt(auth, [key]);
    if (typeof inline === "string") return describeText(inline, `auth.${key}`);
  }
  const headers = valueAt(written, ["headers"]);
  const name = isMapping(headers)
    ? Object.keys(headers).find((header) => /authorization|key|token/i.test(header))
    : undefined;
  return name === undefined ? undefined : describeText(String(valueAt(headers, [name])), `headers.${name}`);
}

function describeText(text: string, key: string): string {
  const variable = /\$\{([A-Za-z_]\w*)/.exec(text)?.[1];
  return variable === undefined ? `the key in ${key}` : `the key in the variable ${variable}`;
}
