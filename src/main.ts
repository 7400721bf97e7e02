import { planReexecution } from "./cli/reexecute.ts";

const next = planReexecution({
  execPath: process.execPath,
  execArgv: process.execArgv,
  argv: process.argv,
  env: process.env,
  isCompiled: Bun.isStandaloneExecutable,
});

async function runHere(): Promise<void> {
  const { run } = await import("./cli/run.ts");
  await run(process.argv.slice(2));
}

if (next === undefined) {
  await runHere();
} else if (process.platform !== "win32" && process.execve !== undefined) {
  try {
    process.execve(process.execPath, [process.execPath, ...next.args], next.env);
  } catch (error) {
    // Emulators of other processors refuse this, and so may hardened systems.
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`olla: no more than 256 requests at once: could not start anew (${reason})\n`);
    await runHere();
  }
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
