import { expect, test } from "bun:test";
import { answerHangUp } from "./hang-up.ts";

function answer(isScreen: boolean, hasTerminal: boolean): string {
  let done = "nothing";
  answerHangUp({
    isScreen,
    hasTerminal: () => hasTerminal,
    onReload: () => {
      done = "reload";
    },
    onTerminalGone: () => {
      done = "stop";
    },
  });
  return done;
}

test("the signal is a wish for a reload, unless the terminal it was started on has gone", () => {
  expect(answer(false, false)).toBe("reload");
  expect(answer(false, true)).toBe("reload");
  expect(answer(true, true)).toBe("reload");
  expect(answer(true, false)).toBe("stop");
});
