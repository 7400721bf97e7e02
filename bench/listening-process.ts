import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const listening = "0A";

/** The inodes of the sockets that listen at a port, out of the text of `/proc/net/tcp` or `/proc/net/tcp6`. */
export function listeningInodes(table: string, port: number): string[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => state === listening && portOf(local) === port)
    .map((columns) => columns[9] ?? "");
}

/** `0100007F:9CB2` is 127.0.0.1:40114. */
function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);
}

function readTable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A machine without IPv6.
    return "";
  }
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    // Ended meanwhile, or another user's.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function parentOf(pid: string): string {
  return /^PPid:\s+(\d+)/m.exec(readTable(`/proc/${pid}/status`))?.[1] ?? "";
}

/**
 * The process that listens at a port of this machine. Of a parent and children that inherited its socket it is the
 * parent: children's costs count as the parent's. Undefined where there is none, or none that this user may look into.
 */
export function listeningPid(port: number): number | undefined {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(readTable);
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) return undefined;
  const holders = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && holdsSocket(name, inodes));
  const roots = holders.filter((pid) => !holders.includes(parentOf(pid)));
  if (roots.length > 1) throw new Error(`processes ${roots.join(" and ")} share port ${port}`);
  return roots[0] === undefined ? undefined : Number(roots[0]);
}
