import { planReexecution } from "./cli/reexecute.ts";

const next = planReexecution({
  execPath: process.execPath,
  execArgv: process.execArgv,
  argv: process.argv,
  env: process.env,
  isCompiled: Bun.isStandaloneExecutable,
});

if (next === undefined) {
  const { run } = await import("./cli/run.ts");
  await run(process.argv.slice(2));
} else if (process.platform !== "win32" && process.execve !== undefined) {
  process.execve(process.execPath, [process.execPath, ...next.args], next.env);
} else {
  // Windows cannot replace a running process, so this one waits for its successor.
  const child = Bun.spawn([process.execPath, ...next.args], {
    env: next.env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await child.exited;
}
