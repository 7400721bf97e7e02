import { posix } from "node:path";
import type { Wish } from "./installation.ts";
import type { FileAccess, Machine } from "./machine.ts";

const readableByAll = 0o004;
const readableByGroup = 0o040;
/** Out of reach of a unit with ProtectHome=yes. */
const homes = ["/home", "/root", "/run/user"];

export const noSystemd =
  "systemd does not run here: let the init system of this machine, or the container, run `olla serve`";

export function lacksSystemd({ platform, exists }: Machine): boolean {
  return platform === "linux" && !exists("/run/systemd/system");
}

/** Why Olla can't be installed as asked, each with what to do about it. Empty where it can. */
export async function findObjections(wish: Wish, machine: Machine): Promise<string[]> {
  return [
    ...objectToProgram(wish, machine),
    ...(await objectToSystem(wish, machine)),
    ...(await objectToConfig(wish, machine)),
  ];
}

function objectToProgram({ executable, isForMachine }: Wish, machine: Machine): string[] {
  if (!machine.isCompiled) {
    return ["this Olla runs from source: make the executable with `npm run build`, and install that one"];
  }
  const isWindows = machine.platform === "win32";
  const cure = isWindows
    ? "move it to a folder below C:\\Program Files first"
    : `install it first: ${isForMachine ? "sudo " : ""}install -m 755 ${executable} ${isForMachine ? "/usr/local/bin/olla" : "~/.local/bin/olla"}`;
  if (machine.tempFolders.some((folder) => isBelow(executable, folder))) {
    return [`${executable} is in a folder for temporary files, which is emptied: ${cure}`];
  }
  if (machine.platform === "linux" && isForMachine && homes.some((home) => isBelow(executable, home))) {
    return [`${executable} is in somebody's home, where the machine's service can't get at it: ${cure}`];
  }
  return [];
}

async function objectToSystem({ isForMachine }: Wish, machine: Machine): Promise<string[]> {
  switch (machine.platform) {
    case "linux": {
      if (lacksSystemd(machine)) return [noSystemd];
      const packaged = ["/usr/lib/systemd/system/olla.service", "/lib/systemd/system/olla.service"];
      const found = isForMachine ? packaged.find((path) => machine.exists(path)) : undefined;
      return found === undefined
        ? []
        : [`a package has brought ${found} already: start that with \`systemctl enable --now olla\``];
    }
    case "darwin":
      return [];
    case "win32": {
      // Answers administrators only.
      const { code } = await machine.run(["net", "session"]);
      return code === 0
        ? []
        : ["a task that starts with the machine is for administrators: open a terminal as administrator"];
    }
    default:
      return [`there is no installing on ${machine.platform}: let its init system run \`olla serve\``];
  }
}

async function objectToConfig({ configPath, isForMachine }: Wish, machine: Machine): Promise<string[]> {
  if (configPath === undefined || !isForMachine || machine.platform === "win32") return [];
  const cure = "sudo install -D -m 644 FILE /etc/olla/config.yaml, and name that with --config";
  const whose = "Olla runs as a user of its own";
  if (machine.platform === "linux" && homes.some((home) => isBelow(configPath, home))) {
    return [`${whose}, which sees nobody's home, and ${configPath} is in one: ${cure}`];
  }
  const access = await machine.access(configPath);
  if (access === undefined || mayBeRead(access, machine.platform)) return [];
  return [
    `${whose}, which may not read ${configPath}: chmod o+r it or, where it holds secrets, give it to a group (chgrp GROUP, chmod 640)`,
  ];
}

function mayBeRead(access: FileAccess, platform: NodeJS.Platform): boolean {
  const isOfGroup = (access.mode & readableByGroup) !== 0 && access.group !== 0;
  return (access.mode & readableByAll) !== 0 || (platform === "linux" && isOfGroup);
}

/** The group by which alone a unit of the machine's may read a file. */
export function groupNeeded(access: FileAccess | undefined): number | undefined {
  if (access === undefined || (access.mode & readableByAll) !== 0 || access.group === 0) return undefined;
  return (access.mode & readableByGroup) === 0 ? undefined : access.group;
}

function isBelow(path: string, folder: string): boolean {
  const [child, parent] = [path, folder].map((name) => posix.normalize(name.replaceAll("\\", "/")));
  return child !== undefined && parent !== undefined && child.startsWith(`${parent.replace(/\/$/, "")}/`);
}
