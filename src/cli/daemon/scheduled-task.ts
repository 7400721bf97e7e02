import type { DaemonState, Installation, ToolResult, Wish } from "./installation.ts";
import { escapeXml } from "./xml.ts";

const task = "Olla";
/** LOCAL SERVICE, in every language of Windows. */
const localService = "S-1-5-19";

/** Olla as a task that Windows runs when it starts. @param programData `%ProgramData%` */
export function describeScheduledTask(wish: Wish, programData: string): Installation {
  const folder = `${programData}\\Olla`;
  const file = `${folder}\\olla-task.xml`;
  return {
    name: "Task Scheduler",
    file,
    content: renderTask(wish, folder),
    // schtasks reads what it writes itself, and that is this.
    encoding: "utf16le",
    folders: [folder],
    prepare: [
      ["schtasks", "/End", "/TN", task],
      ["icacls", folder, "/grant", `*${localService}:(OI)(CI)M`],
    ],
    activate: [
      ["schtasks", "/Create", "/F", "/TN", task, "/XML", file],
      ["schtasks", "/Run", "/TN", task],
    ],
    deactivate: [
      ["schtasks", "/End", "/TN", task],
      ["schtasks", "/Delete", "/F", "/TN", task],
    ],
    forget: [],
    // What schtasks says of a task is in the language of the machine.
    query: ["powershell", "-NoProfile", "-Command", `(Get-ScheduledTask -TaskName ${task}).State.ToString()`],
    readState,
    hints: [
      ["logs", `logging.output: file in the configuration; relative paths count from ${folder}`],
      ["reload", "happens by itself when the configuration changes"],
    ],
  };
}

function renderTask({ executable, configPath }: Wish, folder: string): string {
  const args = configPath === undefined ? "serve" : `serve --config "${configPath}"`;
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Olla, one address in front of all your inference servers</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger />
  </Triggers>
  <Principals>
    <Principal id="Olla">
      <UserId>${localService}</UserId>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Olla">
    <Exec>
      <Command>${escapeXml(executable)}</Command>
      <Arguments>${escapeXml(args)}</Arguments>
      <WorkingDirectory>${escapeXml(folder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`.replaceAll("\n", "\r\n");
}

function readState({ code, output }: ToolResult): DaemonState {
  const state = output.trim();
  if (code !== 0 || !/^\w+$/.test(state))
    return { isInstalled: false, isRunning: false, text: "not installed" };
  return { isInstalled: true, isRunning: state === "Running", text: state.toLowerCase() };
}
