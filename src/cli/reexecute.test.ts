import { expect, test } from "bun:test";
import { headerSizeFlag, type ProcessFacts, planReexecution } from "./reexecute.ts";

const fit = { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", DO_NOT_TRACK: "1", BUN_GC_TIMER_INTERVAL: "10000" };
const compiled: ProcessFacts = {
  execPath: "/opt/olla",
  execArgv: [headerSizeFlag],
  argv: ["bun", "/$bunfs/root/olla", "-c", "my config.yaml"],
  env: { PATH: "/bin" },
  isCompiled: true,
};

test("a limit that is unset, unreadable, lower or too high is set, and the arguments are kept", () => {
  for (const limit of [undefined, "many", "300", "100000"]) {
    const next = planReexecution({ ...compiled, env: { ...fit, BUN_CONFIG_MAX_HTTP_REQUESTS: limit } });
    expect(next).toEqual({ args: ["-c", "my config.yaml"], env: fit });
  }
});

test("the rest of the environment is kept", () => {
  expect(planReexecution(compiled)?.env).toEqual({ PATH: "/bin", ...fit });
});

test("whoever wants another pace of the garbage collector gets it", () => {
  const env = { ...fit, DO_NOT_TRACK: undefined, BUN_GC_TIMER_INTERVAL: "1000" };
  expect(planReexecution({ ...compiled, env })?.env.BUN_GC_TIMER_INTERVAL).toBe("1000");
  expect(planReexecution({ ...compiled, env: { ...env, DO_NOT_TRACK: "1" } })).toBeUndefined();
});

test("from source the runtime's own flags and the script are kept, and the header limit is added", () => {
  const fromSource = {
    ...compiled,
    isCompiled: false,
    execArgv: ["--watch"],
    argv: ["bun", "/x/main.ts", "demo"],
  };
  expect(planReexecution(fromSource)?.args).toEqual(["--watch", headerSizeFlag, "/x/main.ts", "demo"]);
});

test("it happens once: what was planned needs no further start", () => {
  for (const isCompiled of [true, false]) {
    const first = planReexecution({ ...compiled, isCompiled });
    const second = planReexecution({ ...compiled, isCompiled, env: first?.env ?? {} });
    expect(second).toBeUndefined();
  }
});

test("commands that need no room for many connections run at once", () => {
  for (const command of ["version", "health", "service"]) {
    expect(planReexecution({ ...compiled, argv: ["bun", "olla", command] })).toBeUndefined();
  }
});
