// The files that systems are given, read by programs that read such files for a living.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Wish } from "../../../src/cli/daemon/installation.ts";
import { describeLaunchd } from "../../../src/cli/daemon/launchd.ts";
import { describeScheduledTask } from "../../../src/cli/daemon/scheduled-task.ts";
import { renderSystemdUnit, type UnitOptions } from "../../../src/cli/daemon/systemd-unit.ts";
import { runTool } from "../../support/run-tool.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-units-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Characters that mean something in units, XML and command lines. */
const oddPath = `/etc/olla & "sons"/<50%>/$HOME's.yaml`;
const wish: Wish = {
  executable: "/usr/local/bin/olla",
  configPath: oddPath,
  isForMachine: true,
  shutdownGraceMs: 30_000,
  needsLowPort: false,
  configGroup: undefined,
};

const hasSystemd = Bun.which("systemd-analyze") !== null;
const noSystemd = hasSystemd ? "" : " (skipped: needs systemd-analyze)";

describe.skipIf(!hasSystemd)(`systemd${noSystemd}`, () => {
  const base = { ...wish, executable: process.execPath, user: "dynamic" } as const;
  const units: readonly (readonly [string, UnitOptions, number])[] = [
    ["of the machine's", base, 1.2],
    ["of a package", { ...base, user: { name: "root" } }, 3],
    ["with a low port and a group's file", { ...base, needsLowPort: true, configGroup: 0 }, 1.8],
  ];
  for (const [name, options, worst] of units) {
    test(`finds nothing wrong with the unit ${name}, and little that is open to it`, async () => {
      const file = join(folder, "olla.service");
      await Bun.write(file, renderSystemdUnit(options));
      expect(await runTool(["systemd-analyze", "verify", file])).toEqual({ code: 0, out: "", err: "" });
      const { out } = await runTool(["systemd-analyze", "security", "--offline=true", "--no-pager", file]);
      const exposure = Number(/exposure level for olla\.service: ([\d.]+)/.exec(out)?.[1]);
      expect(exposure).toBeLessThan(worst);
    });
  }

  test("finds nothing wrong with the unit of a user", async () => {
    const file = join(folder, "olla.service");
    await Bun.write(file, renderSystemdUnit({ ...base, isForMachine: false }));
    const result = await runTool(["systemd-analyze", "verify", "--user", file], { XDG_RUNTIME_DIR: folder });
    expect(result).toEqual({ code: 0, out: "", err: "" });
  });
});

test("a unit keeps what the JIT needs, and what systemd would fill in is escaped", () => {
  const unit = renderSystemdUnit({ ...wish, user: "dynamic" });
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute/m);
  expect(unit).toContain(`--config "/etc/olla & \\"sons\\"/<50%%>/$$HOME's.yaml"\n`);
});

const hasPython = Bun.which("python3") !== null;
const noPython = hasPython ? "" : " (skipped: needs python3)";

/** @param script reads the file named by its first argument and prints JSON */
async function readWithPython(script: string, file: string): Promise<Record<string, unknown>> {
  const { code, out, err } = await runTool(["python3", "-c", `import json, sys\n${script}`, file]);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Record<string, unknown>;
}

test.skipIf(!hasPython)(
  `a property list says what to run, and that a crash is followed by a start${noPython}`,
  async () => {
    const read = "import plistlib\nprint(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    const file = join(folder, "olla.plist");
    await Bun.write(file, describeLaunchd(wish, { home: "/Users/ada", uid: 0 }).content);
    expect(await readWithPython(read, file)).toEqual({
      Label: "olla",
      ProgramArguments: ["/usr/local/bin/olla", "serve", "--config", oddPath],
      WorkingDirectory: "/Library/Application Support/Olla",
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ProcessType: "Interactive",
      ExitTimeOut: 35,
      Umask: 0o077,
      SoftResourceLimits: { NumberOfFiles: 65536 },
      StandardOutPath: "/Library/Application Support/Olla/olla.log",
      StandardErrorPath: "/Library/Application Support/Olla/olla.log",
      UserName: "nobody",
    });
    const own = { ...wish, isForMachine: false, configPath: undefined };
    await Bun.write(file, describeLaunchd(own, { home: "/Users/ada", uid: 501 }).content);
    const agent = await readWithPython(read, file);
    expect(agent.ProgramArguments).toEqual(["/usr/local/bin/olla", "serve"]);
    expect(agent.WorkingDirectory).toBe("/Users/ada/Library/Application Support/Olla");
    expect(agent.UserName).toBeUndefined();
  },
);

test.skipIf(!hasPython)(
  `a task starts with Windows, without a limit of time, as LOCAL SERVICE${noPython}`,
  async () => {
    const read = `
import xml.etree.ElementTree as tree
root = tree.fromstring(open(sys.argv[1], "rb").read())
texts = {element.tag.split("}")[1]: element.text for element in root.iter()}
print(json.dumps(texts))`;
    const executable = "C:\\Program Files\\Olla & Co\\olla.exe";
    const task = describeScheduledTask(
      { ...wish, executable, configPath: "D:\\my config.yaml" },
      "C:\\ProgramData",
    );
    const file = join(folder, "task.xml");
    await Bun.write(file, Buffer.from(`\uFEFF${task.content}`, task.encoding));
    const texts = await readWithPython(read, file);
    expect(texts).toMatchObject({
      UserId: "S-1-5-19",
      RunLevel: "LeastPrivilege",
      ExecutionTimeLimit: "PT0S",
      DisallowStartIfOnBatteries: "false",
      StopIfGoingOnBatteries: "false",
      Priority: "5",
      Interval: "PT1M",
      Command: executable,
      Arguments: 'serve --config "D:\\my config.yaml"',
      WorkingDirectory: "C:\\ProgramData\\Olla",
    });
    expect(Object.keys(texts)).toContain("BootTrigger");
  },
);
