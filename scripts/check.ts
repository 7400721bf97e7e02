// What to run before a commit: `npm run check`, or parts of it by name: `npm run check -- lint types`.
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");
const tool = (path: string) => join(root, "node_modules", path);

// Run by Bun itself, because the tools' own start scripts ask for Node.
const checks = {
  lint: [tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"],
  types: [tool("typescript/bin/tsc")],
  unit: ["test", "./src/"],
} as const;

type CheckName = keyof typeof checks;

async function runCheck(name: CheckName): Promise<{ name: CheckName; hasPassed: boolean; report: string }> {
  const startedAt = performance.now();
  const child = Bun.spawn([process.execPath, ...checks[name]], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const hasPassed = (await child.exited) === 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const verdict = `${hasPassed ? "ok    " : "FAILED"} ${name} (${seconds} s)`;
  return { name, hasPassed, report: hasPassed ? verdict : `${output.join("")}\n${verdict}` };
}

const known = Object.keys(checks) as CheckName[];
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
