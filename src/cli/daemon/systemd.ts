import { join } from "node:path";
import type { Command, DaemonState, Installation, ToolResult, Wish } from "./installation.ts";
import { renderSystemdUnit } from "./systemd-unit.ts";

const unit = "olla.service";

/** Olla under systemd: the machine's, or the user's own. @param configHome `XDG_CONFIG_HOME` */
export function describeSystemd(wish: Wish, configHome: string): Installation {
  const { isForMachine } = wish;
  const systemctl = (...args: readonly string[]): Command => [
    "systemctl",
    ...(isForMachine ? [] : ["--user"]),
    ...args,
  ];
  const folder = isForMachine ? "/etc/systemd/system" : join(configHome, "systemd/user");
  const ofUser = isForMachine ? "" : "--user ";
  return {
    name: isForMachine ? "systemd" : "systemd, for this user",
    file: join(folder, unit),
    content: renderSystemdUnit({ ...wish, user: "dynamic" }),
    encoding: "utf8",
    folders: [folder],
    prepare: [],
    activate: [
      systemctl("daemon-reload"),
      systemctl("enable", unit),
      // Also where an older one runs.
      systemctl("restart", unit),
    ],
    deactivate: [systemctl("disable", "--now", unit)],
    forget: [systemctl("daemon-reload"), systemctl("reset-failed", unit)],
    query: systemctl(
      "show",
      unit,
      "--property=LoadState,ActiveState,SubState,MainPID,UnitFileState,StatusText",
    ),
    readState,
    hints: [
      ["logs", `journalctl ${ofUser}-u olla -f`],
      ["reload", `systemctl ${ofUser}reload olla`],
      ...(isForMachine
        ? []
        : ([["to run also while you are not logged in", "loginctl enable-linger"]] as const)),
    ],
  };
}

function readState({ code, output }: ToolResult): DaemonState {
  const lines = output.split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string?]);
  const facts = new Map(lines.map(([name, value = ""]) => [name, value]));
  const state = facts.get("ActiveState");
  if (code !== 0 || state === undefined) {
    return { isInstalled: undefined, isRunning: false, text: output.trim() || "systemd does not answer" };
  }
  if (facts.get("LoadState") === "not-found") {
    return { isInstalled: false, isRunning: false, text: "not installed" };
  }
  const isRunning = state === "active" || state === "reloading";
  const pid = isRunning ? `, process ${facts.get("MainPID")}` : "";
  const status = facts.get("StatusText") ?? "";
  const text = `${state} (${facts.get("SubState")})${pid}, ${facts.get("UnitFileState") || "not enabled"}`;
  return { isInstalled: true, isRunning, text: status === "" ? text : `${text}: ${status}` };
}
