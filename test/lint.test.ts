import { expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

// The type-aware rules are young: a version of the linter may drop, rename or disarm one, and the lint step would
// pass all the same.
const badCode = `export function start(): void {
  Promise.resolve(1);
  for (const item of [1]) if (Promise.resolve(item)) continue;
  try {
    JSON.parse("");
  } catch (error) {
    throw new Error("lost");
  }
}
export default start;
const first = [1][0]!;
export function name(kind: "a" | "b"): number {
  switch (kind) {
    case "a":
      return first;
  }
}
`;

test("the linter still finds what we rely on it to find", async () => {
  const folder = await mkdtemp(join(tmpdir(), "olla-lint-"));
  try {
    const settings = await Bun.file(join(root, "biome.json")).json();
    await Bun.write(
      join(folder, "biome.json"),
      JSON.stringify({ ...settings, $schema: undefined, vcs: { enabled: false } }),
    );
    await cp(join(root, "tsconfig.json"), join(folder, "tsconfig.json"));
    await Bun.write(join(folder, "src/bad.ts"), badCode);
    await Bun.write(join(folder, "src/one.ts"), `import "./two.ts";\nexport const one = 1;\n`);
    await Bun.write(join(folder, "src/two.ts"), `import { one } from "./one.ts";\nexport const two = one;\n`);
    await Bun.write(join(folder, "src/index.ts"), `export * from "./bad.ts";\nexport * from "./one.ts";\n`);
    const lint = Bun.spawn(
      [
        process.execPath,
        join(root, "node_modules/@biomejs/biome/bin/biome"),
        "lint",
        "--max-diagnostics=none",
      ],
      { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const output = await Promise.all([new Response(lint.stdout).text(), new Response(lint.stderr).text()]);
    expect(await lint.exited).toBe(1);
    const report = output.join("");
    for (const rule of [
      "noFloatingPromises",
      "noMisusedPromises",
      "useExhaustiveSwitchCases",
      "useErrorCause",
      "noImportCycles",
      "noBarrelFile",
      "noDefaultExport",
      "noNonNullAssertion",
    ]) {
      expect(report).toContain(rule);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
