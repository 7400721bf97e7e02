export interface ToolOutput {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a tool of the system to its end. @param env besides what this process has */
export async function runTool(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ToolOutput> {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}
