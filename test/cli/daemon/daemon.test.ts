import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installDaemon, showDaemon, uninstallDaemon } from "../../../src/cli/daemon/daemon.ts";
import {
  createFakeMachine,
  createPaperTerminal,
  type FakeMachineSettings,
} from "../../support/fake-machine.ts";

let folder = "";
const configPath = () => join(folder, "olla.yaml");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-daemon-"));
  await Bun.write(configPath(), "server: { port: 40200, shutdown_timeout: 20s }\n");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function stage(settings: FakeMachineSettings = {}, flags: { isDryRun?: boolean; configPath?: string } = {}) {
  const machine = createFakeMachine(settings);
  const terminal = createPaperTerminal(folder, { ProgramData: "D:\\Data" });
  const options = { terminal, machine, configPath: configPath(), isDryRun: false, ...flags };
  const file = (path: string) => new TextDecoder().decode(machine.files.get(path));
  return { machine, options, file, printed: terminal.printed };
}

const unit = "/etc/systemd/system/olla.service";

test("root gets a unit of the machine's, which is enabled and started", async () => {
  const { machine, options, file, printed } = stage();
  expect(await installDaemon(options)).toBe(0);
  expect(machine.commands).toEqual([
    "make /etc/systemd/system",
    `write ${unit}`,
    "systemctl daemon-reload",
    "systemctl enable olla.service",
    "systemctl restart olla.service",
  ]);
  expect(file(unit)).toContain(`ExecStart=/usr/local/bin/olla serve --config ${configPath()}\n`);
  expect(file(unit)).toContain("DynamicUser=yes\n");
  expect(printed.err).toBe("");
  expect(printed.out).toContain("starts with the machine");
  expect(printed.out).toContain("journalctl -u olla -f");
});

test("anybody else gets a unit of their own", async () => {
  const { machine, options, file, printed } = stage({ uid: 1000 });
  expect(await installDaemon(options)).toBe(0);
  const own = "/home/ada/.config/systemd/user/olla.service";
  expect(machine.commands).toContain("systemctl --user enable olla.service");
  expect(file(own)).toContain("WantedBy=default.target");
  expect(file(own)).not.toMatch(/DynamicUser|ProtectSystem|CapabilityBoundingSet/);
  expect(printed.out).toContain("loginctl enable-linger");
});

test("launchd gets a plist: a daemon for root, an agent for others, in place of an older one", async () => {
  for (const [uid, file, domain] of [
    [0, "/Library/LaunchDaemons/olla.plist", "system"],
    [501, "/home/ada/Library/LaunchAgents/olla.plist", "gui/501"],
  ] as const) {
    const answers = { "launchctl bootout": { code: 3, output: "No such process" } };
    const { machine, options } = stage({ platform: "darwin", uid, answers });
    expect(await installDaemon(options)).toBe(0);
    const steps = machine.commands.filter((line) => !line.startsWith("make") && !line.startsWith("chown"));
    expect(machine.commands).toContain(`make ${dirname(file)}`);
    expect(steps).toEqual([
      `launchctl bootout ${domain}/olla`,
      `write ${file}`,
      `launchctl bootstrap ${domain} ${file}`,
    ]);
  }
});

test("Windows gets a task, in the bytes that schtasks reads, from administrators only", async () => {
  const settings = {
    platform: "win32",
    uid: undefined,
    executable: "C:\\Program Files\\Olla\\olla.exe",
  } as const;
  const { machine, options } = stage(settings);
  expect(await installDaemon(options)).toBe(0);
  const file = "D:\\Data\\Olla\\olla-task.xml";
  expect(machine.commands.slice(-2)).toEqual([
    `schtasks /Create /F /TN Olla /XML ${file}`,
    "schtasks /Run /TN Olla",
  ]);
  const bytes = machine.files.get(file) ?? new Uint8Array();
  expect([...bytes.subarray(0, 4)]).toEqual([0xff, 0xfe, "<".charCodeAt(0), 0]);
  const denied = stage({ ...settings, answers: { "net session": { code: 2, output: "Access is denied." } } });
  expect(await installDaemon(denied.options)).toBe(1);
  expect(denied.printed.err).toContain("as administrator");
  expect(denied.machine.files.size).toBe(0);
});

test("a dry run shows every step and the file, and does nothing", async () => {
  for (const platform of ["linux", "darwin", "win32"] as const) {
    const { machine, options, printed } = stage({ platform }, { isDryRun: true });
    expect(await installDaemon(options)).toBe(0);
    expect([machine.files.size, machine.commands.filter((line) => line !== "net session")]).toEqual([0, []]);
    expect(printed.out).toMatch(/write .*olla/);
    expect(printed.out).toContain(configPath());
  }
});

test("what can't work is refused before anything is done, with what to do", async () => {
  const cases: readonly (readonly [FakeMachineSettings, RegExp])[] = [
    [{ isCompiled: false }, /runs from source: .*npm run build/],
    [
      { executable: "/tmp/olla" },
      /emptied: install it first: sudo install -m 755 \/tmp\/olla \/usr\/local\/bin\/olla/,
    ],
    [{ executable: "/private/tmp/x/olla", platform: "darwin", uid: 501 }, /install -m 755 .*~\/\.local\/bin/],
    [{ executable: "/root/olla" }, /in somebody's home/],
    [{ paths: [] }, /systemd does not run here: let the init system .* run `olla serve`/],
    [
      { paths: ["/run/systemd/system", "/usr/lib/systemd/system/olla.service"] },
      /systemctl enable --now olla/,
    ],
    [{ access: { mode: 0o600, group: 0 } }, /may not read .*olla\.yaml: chmod o\+r/],
    [{ access: { mode: 0o640, group: 0 } }, /may not read/],
    [{ platform: "freebsd" }, /freebsd.*olla serve/],
  ];
  for (const [settings, reason] of cases) {
    const { machine, options, printed } = stage(settings);
    const code = await installDaemon(options).catch((error: Error) => error.message);
    expect(code === 1 ? printed.err : code).toMatch(reason);
    expect(machine.files.size).toBe(0);
  }
});

test("a configuration with mistakes is refused with their places, one that is not there by its name", async () => {
  await Bun.write(configPath(), "server:\n  port: many\n");
  const wrong = stage();
  expect(await installDaemon(wrong.options)).toBe(1);
  expect(wrong.printed.err).toMatch(/olla\.yaml:2:9 +server\.port/);
  const missing = stage({}, { configPath: "gone.yaml" });
  expect(await installDaemon(missing.options)).toBe(1);
  expect(missing.printed.err).toContain("gone.yaml");
});

test("a configuration for a group is read with that group's right, and a low port is allowed", async () => {
  await Bun.write(configPath(), "server: { port: 443 }\n");
  const { options, file } = stage({ access: { mode: 0o640, group: 4242 } });
  expect(await installDaemon(options)).toBe(0);
  expect(file(unit)).toContain("SupplementaryGroups=4242\n");
  expect(file(unit)).toContain("AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  expect(file(unit)).not.toContain("PrivateUsers");
});

test("without a configuration Olla looks for servers itself, and that is said", async () => {
  await rm(configPath());
  const { terminal, machine } = stage().options;
  expect(await installDaemon({ terminal, machine, configPath: undefined, isDryRun: false })).toBe(0);
  expect((terminal as ReturnType<typeof createPaperTerminal>).printed.out).toContain("no configuration file");
});

test("what the system's tool says when it fails is passed on", async () => {
  const answers = { "systemctl restart": { code: 1, output: "Job for olla.service failed.\n" } };
  const { options, printed } = stage({ answers });
  expect(await installDaemon(options)).toBe(1);
  expect(printed.err).toBe("olla: `systemctl restart olla.service` failed: Job for olla.service failed.\n");
});

test("uninstalling stops Olla, deletes the file and lets the system forget it", async () => {
  const { machine, options, printed } = stage({ answers: { "systemctl reset-failed": { code: 1 } } });
  await installDaemon(options);
  machine.commands.length = 0;
  expect(await uninstallDaemon({ ...options, isDryRun: true })).toBe(0);
  expect([machine.commands, machine.files.size]).toEqual([[], 1]);
  expect(await uninstallDaemon(options)).toBe(0);
  expect(machine.commands).toEqual([
    "systemctl disable --now olla.service",
    `remove ${unit}`,
    "systemctl daemon-reload",
    "systemctl reset-failed olla.service",
  ]);
  expect(printed.err).toBe("");
  expect(await uninstallDaemon(options)).toBe(1);
  expect(printed.err).toContain(`there is no ${unit}`);
});

// As the tools of these systems answered, or are documented to.
const states: readonly (readonly [NodeJS.Platform, string, number, number, string])[] = [
  [
    "linux",
    "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=812\nUnitFileState=enabled\nStatusText=Listening on http://localhost:40114\n",
    0,
    0,
    "active (running), process 812, enabled: Listening on http://localhost:40114",
  ],
  [
    "linux",
    "LoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\nUnitFileState=enabled\nStatusText=\n",
    0,
    1,
    "failed (failed), enabled",
  ],
  ["linux", "LoadState=not-found\nActiveState=inactive\nSubState=dead\n", 0, 1, "not installed"],
  ["linux", "Failed to connect to bus: No medium found\n", 1, 1, "Failed to connect to bus: No medium found"],
  [
    "darwin",
    "system/olla = {\n\tactive count = 1\n\tstate = running\n\n\tpid = 77\n}\n",
    0,
    0,
    "running, process 77",
  ],
  [
    "darwin",
    "system/olla = {\n\tstate = not running\n\tlast exit code = 1\n}\n",
    0,
    1,
    "not running, last exit code 1",
  ],
  ["darwin", 'Could not find service "olla" in domain for system\n', 113, 1, "not loaded"],
  ["win32", "Running\r\n", 0, 0, "running"],
  ["win32", "Ready\r\n", 0, 1, "ready"],
  [
    "win32",
    "Get-ScheduledTask : No MSFT_ScheduledTask objects found with property 'TaskName'",
    1,
    1,
    "not installed",
  ],
];

for (const [platform, output, answered, expected, text] of states) {
  test(`status on ${platform}: ${text}`, async () => {
    const answer = { code: answered, output };
    const { options, printed } = stage({
      platform,
      answers: { systemctl: answer, launchctl: answer, powershell: answer },
    });
    expect(await showDaemon(options)).toBe(expected);
    expect(printed.out).toContain(`: ${text}`);
    expect(printed.out.includes("olla service install")).toBe(/not installed|not loaded/.test(text));
  });
}

test("status without systemd says so", async () => {
  const { options, printed } = stage({ paths: [] });
  expect(await showDaemon(options)).toBe(1);
  expect(printed.err).toContain("systemd does not run here");
});
