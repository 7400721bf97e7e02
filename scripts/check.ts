// What to run before a commit: `npm run check`, or parts of it by name: `npm run check -- lint types`.
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
const tool = (path: string) => join(root, "node_modules", path);

// Run by Bun itself, because the tools' own start scripts ask for Node.
const typescript = tool("typescript/bin/tsc");
const checks: Readonly<Record<string, readonly (readonly string[])[]>> = {
  lint: [[tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"]],
  // The dashboard's page lives in a browser, and knows other globals than all the rest.
  types: [[typescript], [typescript, "--project", "src/dashboard/page"]],
  unit: [["test", "./src/", "./bench/", "./scripts/"]],
};

interface Run {
  readonly hasPassed: boolean;
  readonly output: string;
}

async function runTool(args: readonly string[]): Promise<Run> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { hasPassed: (await child.exited) === 0, output: output.join("") };
}

async function runCheck(name: string): Promise<{ readonly hasPassed: boolean; readonly report: string }> {
  const startedAt = performance.now();
  const runs = await Promise.all((checks[name] ?? []).map(runTool));
  const hasPassed = runs.every((run) => run.hasPassed);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const verdict = `${hasPassed ? "ok    " : "FAILED"} ${name} (${seconds} s)`;
  const output = runs.map((run) => run.output).join("");
  return { hasPassed, report: hasPassed ? verdict : `${output}\n${verdict}` };
}

const known = Object.keys(checks);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.some((check) => check === name));
if (unknown.length > 0) {
  console.error(`No check called ${unknown.join(", ")}. There are: ${known.join(", ")}`);
  process.exitCode = 2;
} else {
  const wanted = asked.length === 0 ? known : known.filter((name) => asked.includes(name));
  const results = await Promise.all(wanted.map(runCheck));
  for (const { report } of results) console.log(report);
  if (results.some((result) => !result.hasPassed)) process.exitCode = 1;
}
