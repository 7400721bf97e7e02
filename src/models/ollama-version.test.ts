import { expect, test } from "bun:test";
import { smallestVersion, spokenOllamaVersion } from "./ollama-version.ts";

test.each([
  [["0.32.15"], "0.32.15"],
  [["0.9.0", "0.10.1"], "0.9.0"],
  [["0.10.1", "0.10"], "0.10"],
  [["0.13.0-rc1", "0.13.2"], "0.13.0-rc1"],
  [["0.0.0", "0.12.3"], "0.12.3"],
  [["0.0.0"], undefined],
  [["nonsense", ""], undefined],
  [[], undefined],
])("of %p the smallest is %p", (versions, expected) => expect(smallestVersion(versions)).toBe(expected));

test("what is said without any is new enough for VS Code", () => {
  expect(smallestVersion(["0.6.4", spokenOllamaVersion])).toBe("0.6.4");
});
