import { expect, test } from "bun:test";
import { Outbox } from "./outbox.ts";

test("what a socket does not take at once is written later, in order", () => {
  let written = "";
  let room = 3;
  const socket = {
    write(content: string | Buffer) {
      const taken = content.toString().slice(0, room);
      written += taken;
      room -= taken.length;
      return taken.length;
    },
  };
  const outbox = new Outbox();
  outbox.send(socket, "first ");
  outbox.send(socket, Buffer.from("second"));
  expect(written).toBe("fir");
  room = 5;
  outbox.drain(socket);
  room = 100;
  outbox.drain(socket);
  outbox.send(socket, " third");
  expect(written).toBe("first second third");
});
