import { tmpdir } from "node:os";
import { sourceCommand } from "./spawn-olla.ts";
import { waitUntil, within } from "./wait-until.ts";

export interface RunningDemo extends AsyncDisposable {
  output(): string;
  readonly url: string;
  stop(): Promise<number>;
}

/** Runs `olla demo` until it has printed what to do with it. */
export async function startDemo(command: readonly string[] = sourceCommand): Promise<RunningDemo> {
  const child = Bun.spawn([...command, "demo"], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? "", HOME: tmpdir() },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let written = "";
  const gathered = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of child.stdout) written += decoder.decode(piece, { stream: true });
  })();
  await waitUntil(() => written.includes("Stop with Ctrl-C"), {
    deadlineMs: 10_000,
    what: "the demo is ready",
  });
  return {
    output: () => written,
    url: /base_url="(.+?)\/olla\/openai\/v1"/.exec(written)?.[1] ?? "",
    async stop() {
      child.kill("SIGINT");
      const code = await within(child.exited, 5_000, "the demo ends");
      await gathered;
      return code;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await child.exited;
    },
  };
}
