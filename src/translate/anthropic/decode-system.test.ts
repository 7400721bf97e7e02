import { describe, expect, test } from "bun:test";
import { decodeSystem } from "./decode-system.ts";

const block = (text: unknown) => ({ type: "text", text });
const billing = "x-anthropic-billing-header: cc_version=2.1.329.73c; cc_entrypoint=sdk-cli;";

describe("the system of a Messages request", () => {
  test("is a text, or the texts of blocks", () => {
    expect(decodeSystem("Be brief.")).toBe("Be brief.");
    expect(decodeSystem([block("Be "), block("brief.")])).toBe("Be brief.");
    expect(decodeSystem([block("One."), block("\nTwo."), block("\nThree.")])).toBe("One.\nTwo.\nThree.");
  });

  test("keeps words of two blocks apart", () => {
    expect(decodeSystem([block("You are an agent."), block("Be brief.")])).toBe(
      "You are an agent.\nBe brief.",
    );
  });

  test("is empty where nothing is said", () => {
    for (const nothing of [undefined, null, "", 5, {}, [], [block("")], [block(5)], [{ type: "image" }]]) {
      expect(decodeSystem(nothing)).toBe("");
    }
    expect(decodeSystem([block("One."), block(""), block("Two.")])).toBe("One.\nTwo.");
  });

  test("loses the line that is for Anthropic's accounts, and nothing else", () => {
    expect(decodeSystem([block(billing), block("You are an agent.")])).toBe("You are an agent.");
    expect(decodeSystem([block(`${billing}\nYou are an agent.`)])).toBe("You are an agent.");
    expect(decodeSystem(`${billing}\nYou are an agent.`)).toBe("You are an agent.");
    expect(decodeSystem([block(billing)])).toBe("");
    const mention = `What is ${billing}`;
    expect(decodeSystem(mention)).toBe(mention);
  });
});
