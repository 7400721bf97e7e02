import { dlopen, ptr } from "bun:ffi";

export interface BlackHole extends Disposable {
  readonly port: number;
  readonly url: string;
}

/** Why a test that needs a black hole cannot run here, or undefined when it can. */
export const blackHoleObstacle =
  process.platform === "linux" ? undefined : "a full accept queue drops SYNs silently only on Linux";

/**
 * A loopback port where connecting neither succeeds nor fails: a listener with a queue of one that nobody accepts
 * from, and the one place taken. Further SYNs are dropped by the kernel, as a switched-off machine drops them.
 */
export async function openBlackHole(): Promise<BlackHole> {
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const afInet = 2;
  const sockStream = 1;
  const address = new Uint8Array([afInet, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const socket = symbols.socket(afInet, sockStream, 0);
  if (socket < 0 || symbols.bind(socket, ptr(address), address.length) !== 0)
    throw new Error("no black hole: bind");
  if (symbols.listen(socket, 0) !== 0) throw new Error("no black hole: listen");
  symbols.getsockname(socket, ptr(address), ptr(new Uint32Array([address.length])));
  const port = (address[2] ?? 0) * 256 + (address[3] ?? 0);
  const filler = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]() {
      filler.terminate();
      symbols.close(socket);
    },
  };
}
