import { expect, test } from "bun:test";
import { listeningInodes, listeningPid } from "./listening-process.ts";

// As the kernel writes it, shortened: a listener at 40114, a connection at the same port, a listener at another.
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9CB2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 24071 1 0000000000000000 100 0 0 10 0
   1: 0100007F:9CB2 0100007F:C3A2 01 00000000:00000000 00:00000000 00000000     0        0 24090 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 24100 1 0000000000000000 100 0 0 10 0
`;
const table6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:9CB2 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31337 1 0000000000000000 100 0 0 10 0
`;

test("the socket that listens at a port is found, and none of its connections", () => {
  expect(listeningInodes(table, 40114)).toEqual(["24071"]);
  expect(listeningInodes(table, 8080)).toEqual(["24100"]);
  expect(listeningInodes(table, 1)).toEqual([]);
});

test("addresses of IPv6 are read as well", () => {
  expect(listeningInodes(table6, 40114)).toEqual(["31337"]);
});

test.skipIf(process.platform !== "linux")("the process behind a port of this machine is found", () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  expect(listeningPid(port)).toBe(process.pid);
  listener.stop(true);
  expect(listeningPid(port)).toBeUndefined();
});
