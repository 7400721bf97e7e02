import { expect, test } from "bun:test";
import { EventCutter } from "./event-stream.ts";

const stream = `event: hello\ndata: {"a":1}\n\nevent: tick\ndata: {"text":"x"}\n\n: comment\n\n`;

test("events are the same wherever the stream is cut", () => {
  const whole = new EventCutter().push(stream);
  expect(whole).toEqual([
    { name: "hello", text: '{"a":1}' },
    { name: "tick", text: '{"text":"x"}' },
  ]);
  for (let at = 0; at <= stream.length; at += 1) {
    const cutter = new EventCutter();
    expect([...cutter.push(stream.slice(0, at)), ...cutter.push(stream.slice(at))]).toEqual(whole);
  }
});
