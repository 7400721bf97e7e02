import { dirname } from "node:path";
import type { Command, DaemonState, Installation, ToolResult, Wish } from "./installation.ts";
import { escapeXml } from "./xml.ts";

const label = "olla";
/** What closing files and writing the last records may take beyond the answers' grace. */
const marginMs = 5_000;

/** Olla under launchd: a daemon of the machine's, or an agent of the user's. @param user who asks */
export function describeLaunchd(
  wish: Wish,
  user: { readonly home: string; readonly uid: number },
): Installation {
  const { isForMachine } = wish;
  const library = isForMachine ? "/Library" : `${user.home}/Library`;
  const domain = isForMachine ? "system" : `gui/${user.uid}`;
  const file = `${library}/${isForMachine ? "LaunchDaemons" : "LaunchAgents"}/${label}.plist`;
  const folder = `${library}/Application Support/Olla`;
  const log = `${folder}/olla.log`;
  return {
    name: isForMachine ? "launchd" : "launchd, for this user",
    file,
    content: renderPlist(wish, folder, log),
    encoding: "utf8",
    folders: [folder, dirname(file)],
    prepare: [
      ["launchctl", "bootout", `${domain}/${label}`],
      ...(isForMachine ? ([["chown", "nobody", folder]] as const) : []),
    ],
    activate: [["launchctl", "bootstrap", domain, file]],
    deactivate: [["launchctl", "bootout", `${domain}/${label}`]],
    forget: [],
    query: ["launchctl", "print", `${domain}/${label}`],
    readState,
    hints: [
      ["logs", `tail -f "${log}"`],
      ["reload", `launchctl kill HUP ${domain}/${label}`],
    ],
  };
}

function renderPlist(wish: Wish, folder: string, log: string): string {
  const { executable, configPath, isForMachine, shutdownGraceMs } = wish;
  const command: Command = [
    executable,
    "serve",
    ...(configPath === undefined ? [] : ["--config", configPath]),
  ];
  const text = (value: string) => `<string>${escapeXml(value)}</string>`;
  const entry = (key: string, value: string) => `  <key>${key}</key>\n  ${value}`;
  const entries = [
    entry("Label", text(label)),
    entry("ProgramArguments", `<array>\n${command.map((word) => `    ${text(word)}\n`).join("")}  </array>`),
    entry("WorkingDirectory", text(folder)),
    entry("RunAtLoad", "<true/>"),
    // Ended in order it stays ended.
    entry("KeepAlive", "<dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>"),
    // The usual type is slowed down while somebody works at the machine.
    entry("ProcessType", text("Interactive")),
    entry("ExitTimeOut", `<integer>${Math.ceil((shutdownGraceMs + marginMs) / 1000)}</integer>`),
    entry("Umask", "<integer>63</integer>"),
    entry(
      "SoftResourceLimits",
      "<dict>\n    <key>NumberOfFiles</key>\n    <integer>65536</integer>\n  </dict>",
    ),
    entry("StandardOutPath", text(log)),
    entry("StandardErrorPath", text(log)),
    ...(isForMachine ? [entry("UserName", text("nobody"))] : []),
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    "<dict>",
    ...entries,
    "</dict>",
    "</plist>",
    "",
  ].join("\n");
}

function readState({ code, output }: ToolResult): DaemonState {
  if (code !== 0) return { isInstalled: false, isRunning: false, text: "not loaded" };
  const state = /^\s*state = (.+)$/m.exec(output)?.[1] ?? "loaded";
  const pid = /^\s*pid = (\d+)$/m.exec(output)?.[1];
  const exit = /^\s*last exit code = (.+)$/m.exec(output)?.[1];
  const isRunning = state === "running";
  const detail = isRunning ? `, process ${pid}` : exit === undefined ? "" : `, last exit code ${exit}`;
  return { isInstalled: true, isRunning, text: `${state}${detail}` };
}
