import { expect, test } from "bun:test";
import { join } from "node:path";
import { runToEnd } from "../support/run-to-end.ts";
import { sourceCommand as command } from "../support/spawn-olla.ts";

const folder = join(import.meta.dir, "../../docs/schema");

for (const [args, file] of [
  [[], "config"],
  [["config"], "config"],
  [["profile"], "profile"],
  [["models"], "models"],
] as const) {
  test.concurrent(`"olla schema ${args.join(" ")}" prints docs/schema/${file}.schema.json as it is`, async () => {
    const { code, stdout, stderr } = await runToEnd(["schema", ...args], { command });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(await Bun.file(join(folder, `${file}.schema.json`)).text());
  });
}

test.concurrent("another name is wrong usage, with the nearest one", async () => {
  const { code, stdout, stderr } = await runToEnd(["schema", "profil"], { command });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("did you mean `profile`?");
});
