import { posix } from "node:path";

const systemFolders = ["/etc", "/var", "/usr", "/bin", "/sbin", "/boot", "/sys", "/proc", "/dev", "/root"];
const windowsFolders = ["c:/windows", "c:/program files", "c:/program files (x86)"];

/**
 * Whether files must not be written there because the system owns it. Relative paths count from the working
 * directory, so that `../../etc` is found out.
 */
export function isDangerousFolder(folder: string): boolean {
  const path = posix.normalize(folder.trim().replaceAll("\\", "/").toLowerCase()).replace(/(?<=.)\/+$/, "");
  if (path === "c:" || path === "/") return true;
  if (windowsFolders.some((system) => isWithin(path, system))) return true;
  const absolute = /^[a-z]:/.test(path) ? path : posix.resolve(path);
  return absolute === "/" || systemFolders.some((system) => isWithin(absolute, system));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
