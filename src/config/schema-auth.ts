import * as v from "valibot";
import { section } from "./key.ts";
import { booleanKey, integerKey, secretKey, stringKey, stringListKey, unsetStringKey } from "./key-types.ts";
import { describeSecret } from "./problem.ts";

const clientKey = section({
  name: stringKey({ initial: "", allowEmpty: true, status: "later", doc: "Shown in logs and statistics." }),
  hash: secretKey({ status: "later", doc: "Hash of the key." }),
  key_file: unsetStringKey({ unit: "path", status: "later", doc: "File that holds the key, read at start." }),
  models: stringListKey({
    initial: [],
    unit: "globs",
    status: "later",
    doc: "Models that this key may use. Empty: all.",
  }),
  requests_per_minute: integerKey({ initial: 0, min: 0, status: "later", doc: "0 is no limit." }),
  tokens_per_minute: integerKey({ initial: 0, min: 0, status: "later", doc: "0 is no limit." }),
  max_parallel: integerKey({ initial: 0, min: 0, status: "later", doc: "Requests at once. 0 is no limit." }),
  expires: unsetStringKey({
    unit: "date",
    status: "later",
    check: (text) =>
      Number.isNaN(Date.parse(text))
        ? "expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z"
        : undefined,
    doc: "The key is refused from then on.",
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
  "Keys that clients must show. No keys: nobody is asked for one.",
);
