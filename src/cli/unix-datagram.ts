/** @returns whether it was taken */
export type SendDatagram = (text: string) => boolean;

// The same on every Linux for x64 and arm64.
const familyUnix = 1;
const typeDatagram = 2;
const closeOnExec = 0o2000000;
const noSignal = 0x4000;
/** What the kernel keeps for the path of a socket, with a byte at its end. */
const longestPath = 107;

/**
 * Makes ready to send datagrams to a Unix socket, which neither Bun nor Node can do: the C library is called for it.
 * @param path of the socket; with `@` before it a name in Linux' abstract namespace
 * @throws Error where that is not Linux, or the C library can't be called, or the path is too long
 */
export async function openUnixDatagrams(path: string): Promise<SendDatagram> {
  if (process.platform !== "linux") throw new Error("datagrams to Unix sockets are sent on Linux only");
  const address = encodeAddress(path);
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  return (text) => {
    const bytes = new TextEncoder().encode(text);
    const socket = symbols.socket(familyUnix, typeDatagram | closeOnExec, 0);
    if (socket < 0) return false;
    const sent = symbols.sendto(socket, bytes, bytes.length, noSignal, address, address.length);
    symbols.close(socket);
    return Number(sent) === bytes.length;
  };
}

/** A `sockaddr_un`: the family, then the path with a zero at its end; an abstract name has the zero before it. */
function encodeAddress(path: string): Uint8Array {
  const isAbstract = path.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > longestPath + 1) throw new Error(`the path of the socket is too long: ${path}`);
  const address = new Uint8Array(2 + name.length);
  new Uint16Array(address.buffer, 0, 1)[0] = familyUnix;
  address.set(name, 2);
  return address;
}
