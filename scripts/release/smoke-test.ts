import { existsSync } from "node:fs";
import { FakeUpstream } from "../../test/support/fake-upstream.ts";
import { collectSse } from "../../test/support/read-sse.ts";
import { type FinishedRun, runToEnd } from "../../test/support/run-to-end.ts";
import { spawnOlla } from "../../test/support/spawn-olla.ts";
import { streamTokens } from "../../test/support/upstream-behaviours.ts";
import { within } from "../../test/support/wait-until.ts";
import { hostTarget, type Target } from "../targets.ts";

/** How an executable is started on this machine. */
export interface Runner {
  /** What comes before the executable: an emulator with its arguments, or nothing. */
  readonly prefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where Debian's packages `musl` and `libc6-arm64-cross` put what executables for other systems need. */
const muslLoader = "/lib/ld-musl-x86_64.so.1";
const arm64Libraries = "/usr/aarch64-linux-gnu";

/** @returns how to run a target's executable here, or what is missing for it */
export function findRunner(target: Target): Runner | string {
  if (target === hostTarget()) return { prefix: [], env: {} };
  if (process.platform !== "linux" || process.arch !== "x64") return `this machine is a ${hostTarget().name}`;
  switch (target.name) {
    case "linux-x64-musl": {
      const libraries = process.env.OLLA_MUSL_LIBRARIES;
      if (existsSync(muslLoader) && libraries !== undefined) {
        return { prefix: [], env: { LD_LIBRARY_PATH: libraries } };
      }
      return `needs ${muslLoader}, and in OLLA_MUSL_LIBRARIES the folder of libstdc++ for musl`;
    }
    case "linux-arm64": {
      const qemu = Bun.which("qemu-aarch64-static") ?? Bun.which("qemu-aarch64");
      if (qemu !== null && existsSync(arm64Libraries))
        return { prefix: [qemu, "-L", arm64Libraries], env: {} };
      return `needs qemu-aarch64 and ${arm64Libraries} (Debian: qemu-user-static, libc6-arm64-cross)`;
    }
    default:
      return `this machine is a ${hostTarget().name}`;
  }
}

const tokens = ["one", " two", " three"];

/**
 * Uses an executable as its first user would: asks for the version, checks a configuration, serves, streams an answer,
 * stops it.
 * @throws Error that says what went wrong
 */
export async function smokeTest(executable: string, version: string, { prefix, env }: Runner): Promise<void> {
  const command = [...prefix, executable];
  const { stdout } = await runWell(["--version"], { command, env });
  if (!stdout.startsWith(`olla ${version}\n`)) throw new Error(`--version says: ${stdout}`);
  const files = { "config.yaml": "server:\n  port: 40114\n" };
  await runWell(["validate", "--config", "config.yaml"], { command, env, files });
  await serveOnce(command, env);
}

async function runWell(
  args: readonly string[],
  settings: Parameters<typeof runToEnd>[1],
): Promise<FinishedRun> {
  const run = await runToEnd(args, settings);
  if (run.code === 0) return run;
  throw new Error(`${args.join(" ")} ended with ${run.code}:\n${run.stdout}${run.stderr}`);
}

async function serveOnce(command: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  await using upstream = new FakeUpstream({ models: ["tiny"], behave: streamTokens(tokens) });
  const endpoints = [{ name: "fake", url: upstream.url, type: "openai-compatible" }];
  await using olla = await spawnOlla({ endpoints }, command, env);
  const answer = await fetch(`${olla.url}/olla/openai/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", stream: true, messages: [{ role: "user", content: "Count" }] }),
  });
  const { events, error } = await collectSse(answer.body);
  const text = events
    .filter(({ data }) => data !== "[DONE]")
    .map(({ data }) => JSON.parse(data).choices[0]?.delta.content ?? "")
    .join("");
  if (text !== tokens.join("")) {
    throw new Error(`streamed "${text}" with status ${answer.status} (${error}):\n${olla.output()}`);
  }
  olla.signal("SIGTERM");
  const code = await within(olla.exited, 10_000, "it ends after SIGTERM");
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}:\n${olla.output()}`);
}
