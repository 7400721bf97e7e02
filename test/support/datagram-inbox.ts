import { waitUntil } from "./wait-until.ts";

export const canReceiveDatagrams = process.platform === "linux" && Bun.which("python3") !== null;
/** For the names of tests that are skipped elsewhere. */
export const noDatagrams = canReceiveDatagrams ? "" : " (skipped: needs Linux and python3)";

/** What Bun can't do itself: binds a datagram socket, says so, and prints each message with its sender as one line of JSON. */
const receiver = `
import json, socket, struct, sys
path = sys.argv[1]
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
inbox.bind("\\0" + path[1:] if path.startswith("@") else path)
print(json.dumps({"bound": path}), flush=True)
while True:
    data, credentials, _, _ = inbox.recvmsg(4096, 256)
    print(json.dumps({"text": data.decode(), "pid": struct.unpack("iii", credentials[0][2])[0]}), flush=True)
`;

export interface Datagram {
  readonly text?: string;
  readonly pid?: number;
}

/** Messages that arrive at a datagram socket, bound by Python. */
export async function receiveDatagrams(path: string) {
  const child = Bun.spawn(["python3", "-c", receiver, path], { stdout: "pipe", stderr: "inherit" });
  let written = "";
  const gathered = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of child.stdout) written += decoder.decode(piece, { stream: true });
  })();
  const messages = () =>
    written
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Datagram);
  await waitUntil(() => messages().length > 0, { what: "the receiver is bound" });
  return {
    messages: () => messages().slice(1),
    texts: () => messages().flatMap(({ text }) => text ?? []),
    async [Symbol.asyncDispose]() {
      child.kill();
      await gathered;
    },
  };
}
