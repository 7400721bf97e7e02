/** A loopback port on which nobody listens: a connection there is refused at once. */
export function findDeadPort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
