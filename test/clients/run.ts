// Builds the executable, then lets the real client programs at it. `--source` leaves the build out.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBun } from "../../scripts/run-command.ts";
import { clientNames, installClients } from "./support/programs.ts";
import { readRows, renderTable } from "./support/summary.ts";

const [first, ...rest] = process.argv.slice(2);
const isFromSource = first === "--source";
const wanted = isFromSource || first === undefined ? rest : [first, ...rest];

/** Takes half a minute; a program that hangs is given up after one. */
const testLimitMs = 8 * 60_000;

/** Runs test files, then tells what each program came to. */
async function runTests(files: readonly string[]): Promise<number> {
  const names = clientNames.filter((name) => files.some((file) => file.includes(`/${name}.`)));
  const { env, lines } = await installClients(names);
  const folder = await mkdtemp(join(tmpdir(), "olla-clients-report-"));
  const report = join(folder, "report.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  try {
    const olla: Record<string, string> = isFromSource ? {} : { OLLA_TEST_BINARY: "1" };
    const code = await runBun(["test", ...reporter, ...files], {
      env: { ...env, ...olla },
      timeout: testLimitMs,
    });
    const written = Bun.file(report);
    const table = (await written.exists()) ? renderTable(readRows(await written.text())) : "no report";
    console.log(`\n${[...lines, "", table].join("\n")}`);
    return code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const files = [...new Bun.Glob("*.clients.ts").scanSync(import.meta.dir)]
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name)))
  .toSorted()
  .map((file) => `./${join("test/clients", file)}`);

if (files.length === 0) throw new Error(`no tests of ${wanted.join(", ")} in ${import.meta.dir}`);
const buildCode = isFromSource ? 0 : await runBun(["scripts/build-binary.ts"], { timeout: testLimitMs });
process.exitCode = buildCode === 0 ? await runTests(files) : buildCode;
