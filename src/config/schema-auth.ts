import * as v from "valibot";
import { expiryFrom, nameFault } from "./client-key-fields.ts";
import { section } from "./key.ts";
import { booleanKey, globListKey, integerKey, secretKey, stringKey, unsetStringKey } from "./key-types.ts";
import { describeSecret } from "./problem.ts";

const clientKey = section({
  name: stringKey({
    initial: "",
    allowEmpty: true,
    isRequired: true,
    check: nameFault,
    doc: "Stands for the key in logs and statistics. Each name once.",
  }),
  hash: secretKey({
    doc: "`sha256:` and the key's SHA-256 in hexadecimal, as `olla key new` prints it. This or `key_file`.",
  }),
  key_file: unsetStringKey({
    unit: "path",
    doc: "File that holds the key itself, at least 16 characters, read at start.",
  }),
  models: globListKey({
    initial: [],
    doc: "Models and aliases that this key may ask for, and sees in lists. Empty: all. Who may use an alias may use what it stands for.",
  }),
  requests_per_minute: integerKey({
    initial: 0,
    min: 0,
    doc: "Requests a minute with this key. 0 is no limit.",
  }),
  tokens_per_minute: integerKey({
    initial: 0,
    min: 0,
    doc: "Tokens a minute, of questions and answers together, counted when an answer has ended. 0 is no limit.",
  }),
  max_parallel: integerKey({ initial: 0, min: 0, doc: "Requests at once. 0 is no limit." }),
  expires: unsetStringKey({
    unit: "date",
    check: (text) =>
      Number.isNaN(expiryFrom(text))
        ? "expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z"
        : undefined,
    doc: "The key is refused from then on. UTC where no zone is given.",
  }),
  priority: integerKey({
    initial: 0,
    min: -10,
    max: 10,
    doc: "Higher goes first where requests wait for a place: [fairness-and-cloud.md](fairness-and-cloud.md). A request may ask for less with `X-Olla-Priority`.",
  }),
  local_only: booleanKey({
    initial: false,
    doc: "Never send requests of this key to an endpoint of the tier `cloud`.",
  }),
});

export const auth = section(
  {
    keys: v.optional(
      v.nullable(
        v.array(clientKey, (issue) => `expected a list of keys, got ${describeSecret(issue.input)}`),
        () => [],
      ),
      () => [],
    ),
  },
  "Keys that clients must show: [limits-and-keys.md](limits-and-keys.md). No keys: nobody is asked for one.",
);
