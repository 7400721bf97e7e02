import * as v from "valibot";
import { section } from "./key.ts";
import { booleanKey, globListKey, integerKey, secretKey, stringKey, unsetStringKey } from "./key-types.ts";
import { describeSecret } from "./problem.ts";

const longestName = 64;
const dateShape = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?)?$/i;

/** Milliseconds since the epoch; NaN for what is no date. Without a zone it means UTC, wherever Olla runs. */
export function expiryFrom(text: string): number {
  const [, date, time = "00:00", zone = "Z"] = dateShape.exec(text.trim()) ?? [];
  if (date === undefined) return Number.NaN;
  // Some days that do not exist are read as days of the month after.
  const midnight = Date.parse(`${date}T00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date)) return Number.NaN;
  return Date.parse(`${date}T${time}${zone.toUpperCase()}`);
}

const clientKey = section({
  name: stringKey({
    initial: "",
    allowEmpty: true,
    isRequired: true,
    check: (text) => {
      if (text.trim() !== text) return "expected a name without spaces around it";
      if (text.length > longestName) return `expected a name of at most ${longestName} characters`;
      return /\p{Cc}/u.test(text) ? "expected a name without control characters" : undefined;
    },
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
  priority: integerKey({ initial: 0, status: "later", doc: "Higher goes first when requests queue." }),
  local_only: booleanKey({
    initial: false,
    status: "later",
    doc: "Never send requests of this key to an endpoint outside the `local` tier.",
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
