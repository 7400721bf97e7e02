import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { openScreen } from "./screen.ts";

function start(columns = 10, rows = 3) {
  let written = "";
  const keys = Object.assign(new EventEmitter(), {
    isTTY: true,
    isRaw: false,
    setRawMode(isRaw: boolean) {
      keys.isRaw = isRaw;
    },
    resume() {},
    pause() {},
  });
  const out = (text: string) => {
    written += text;
  };
  const screen = openScreen({ out, size: () => ({ columns, rows }) }, keys);
  const take = () => {
    const text = written;
    written = "";
    return text;
  };
  return { screen, keys, take };
}

test("what was on the screen comes back, with its cursor, line breaks and keys", () => {
  const { screen, keys, take } = start();
  expect(take()).toBe("\u001b[?1049h\u001b[?25l\u001b[?7l");
  expect(keys.isRaw).toBe(true);
  screen.close();
  screen.close();
  expect(take()).toBe("\u001b[?7h\u001b[?25h\u001b[?1049l");
  expect([keys.isRaw, keys.listenerCount("data")]).toEqual([false, 0]);
  screen.draw(["late"]);
  expect(take()).toBe("");
});

test("a frame is one write over the old one, which never leaves the screen blank", () => {
  const { screen, take } = start();
  take();
  screen.draw(["one", "two"]);
  expect(take()).toBe("\u001b[?2026h\u001b[Hone\u001b[K\r\ntwo\u001b[K\r\n\u001b[J\u001b[?2026l");
});

test("lines that fill the screen keep their last character, and lines below it are not drawn", () => {
  const { screen, take } = start(3, 2);
  take();
  screen.draw(["one", "two", "three"]);
  expect(take()).toBe("\u001b[?2026h\u001b[Hone\r\ntwo\u001b[?2026l");
});

test.each(["q", "Q", "\u0003"])("the key %p asks to quit", async (key) => {
  const { screen, keys } = start();
  keys.emit("data", Buffer.from("x"));
  keys.emit("data", Buffer.from(key));
  await screen.quit;
  screen.close();
});
