import { chmodSync } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import { createConnection } from "node:net";

const prefix = "unix:";
/** Its owner and its group may connect; who else may is a matter of the folder that it is in. */
const socketMode = 0o660;

/** The path of a Unix socket, where `server.host` names one. */
export function socketPathOf(host: string): string | undefined {
  return host.startsWith(prefix) ? host.slice(prefix.length) : undefined;
}

export function admitGroup(path: string): void {
  chmodSync(path, socketMode);
}

/**
 * Takes away the socket that a program which did not end in order has left behind. One that somebody listens on stays,
 * and so does whatever else has that name: opening it fails then. To be called before `listen`.
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const isSocket = await lstat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
  if (isSocket && (await isAbandoned(path))) await unlink(path);
}

function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error) => resolve("code" in error && error.code === "ECONNREFUSED"));
  });
}
