/** Runs a program to its end. @throws Error with what the program wrote when it fails, or when there is none */
export async function run(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (Bun.which(command[0] ?? "") === null) throw new Error(`This needs ${command[0]}, which is not here`);
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command.join(" ")} failed with ${code}:\n${output.join("")}`);
}
