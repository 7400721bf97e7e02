import { expect, test } from "bun:test";
import { OllaError } from "../../errors.ts";
import { PassingResponses } from "./broken-stream.ts";

const cut = new OllaError("truncated", "The endpoint's answer was cut");

function renderAfter(...pieces: string[]): string {
  const passing = new PassingResponses();
  for (const piece of pieces) passing.push(new TextEncoder().encode(piece));
  return new TextDecoder().decode(passing.renderError(cut));
}

const error = (sequence: number) =>
  `\n\nevent: error\ndata: {"type":"error","code":"truncated","message":"The endpoint's answer was cut","param":null,"sequence_number":${sequence},"source":"olla"}\n\n`;

test("the error of a broken stream stands alone and has the next number", () => {
  expect(renderAfter('data: {"sequence_number":3}\n\ndata: {"sequence_number": 4,"del')).toBe(error(5));
});

test("a number that was cut in two is put together", () => {
  expect(renderAfter('data: {"sequence_number":1}\n\ndata: {"sequence_nu', 'mber":12}\n\n')).toBe(error(13));
});

test("a stream that numbers nothing gets the number 0", () => {
  expect(renderAfter("data: {}\n\n")).toBe(error(0));
  expect(renderAfter()).toBe(error(0));
});
