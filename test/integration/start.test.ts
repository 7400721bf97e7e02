import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findDeadPort } from "../support/dead-port.ts";
import { renderConfig } from "../support/olla-config.ts";
import { sourceCommand } from "../support/spawn-olla.ts";
import { within } from "../support/wait-until.ts";

/** Runs Olla to its end in an empty folder. */
async function runToEnd(args: readonly string[], config?: string): Promise<{ code: number; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), "olla-start-"));
  try {
    const file = join(folder, "olla.yaml");
    if (config !== undefined) await Bun.write(file, config);
    const child = Bun.spawn([...sourceCommand, ...args.map((arg) => arg.replace("CONFIG", file))], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", HOME: folder },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    try {
      const written = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      const code = await within(child.exited, 10_000, "olla exits by itself");
      return { code, output: (await written).join("") };
    } finally {
      child.kill("SIGKILL");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test.concurrent("a port in use is one clear line and exit code 1", async () => {
  const taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("taken") });
  try {
    const config = renderConfig({ endpoints: [] }, taken.port ?? 0);
    const { code, output } = await runToEnd(["serve", "--config", "CONFIG"], config);
    expect(code).toBe(1);
    expect(output).toContain(String(taken.port));
    expect(output).toMatch(/in use/i);
    expect(output).not.toContain("    at ");
  } finally {
    await taken.stop(true);
  }
});

test.concurrent("a config file that is not there is one clear line and exit code 1", async () => {
  const { code, output } = await runToEnd(["serve", "--config", "/nowhere/olla.yaml"]);
  expect(code).toBe(1);
  expect(output).toContain("/nowhere/olla.yaml");
  expect(output).not.toContain("    at ");
});

test.concurrent("a config with several mistakes names them all with their places, exit code 1", async () => {
  const config = renderConfig(
    {
      endpoints: [
        { name: "twin", url: "http://127.0.0.1:1", type: "vllm" },
        { name: "twin", url: "http://127.0.0.1:1", type: "vllm" },
      ],
      server: { port: 99_999 },
      proxy: { read_timeout: "soon" },
    },
    findDeadPort(),
  );
  const { code, output } = await runToEnd(["validate", "--config", "CONFIG"], config);
  expect(code).toBe(1);
  for (const part of ["server.port", "proxy.read_timeout", "[1].name", "[1].url"])
    expect(output).toContain(part);
  expect(output).toMatch(/olla\.yaml:\d+:\d+/);
});

test.concurrent("a backend kind with a typo is named with its place and the nearest kind, exit code 1", async () => {
  const endpoints = [{ name: "one", url: "http://127.0.0.1:1", type: "vlm" }];
  const config = renderConfig({ endpoints }, findDeadPort());
  for (const command of ["validate", "serve"]) {
    const { code, output } = await runToEnd([command, "--config", "CONFIG"], config);
    expect(code).toBe(1);
    expect(output).toMatch(/olla\.yaml:\d+:\d+/);
    expect(output).toContain("vlm");
    expect(output).toContain("vllm");
  }
});

test.concurrent("an unknown command or flag names the nearest one, exit code 2", async () => {
  const command = await runToEnd(["serv"]);
  expect(command.code).toBe(2);
  expect(command.output).toContain("serve");
  const flag = await runToEnd(["--confg", "x"]);
  expect(flag.code).toBe(2);
  expect(flag.output).toContain("--config");
});
