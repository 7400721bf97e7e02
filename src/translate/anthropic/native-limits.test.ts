import { describe, expect, test } from "bun:test";
import { builtinProfiles } from "../../profiles/builtin.ts";
import { findNativeLimits } from "./native-limits.ts";

/** Of some kinds that know the API those that such a request has to be translated for. */
function limitedFor(body: object): string[] {
  const isLimited = findNativeLimits(new TextEncoder().encode(JSON.stringify(body)));
  return builtinProfiles()
    .filter((profile) => ["llamacpp", "ollama", "vllm"].includes(profile.name) && isLimited(profile))
    .map(({ name }) => name)
    .toSorted();
}

const format = { type: "json_schema", schema: { type: "object" } };
const saying = (...content: object[]) => ({ messages: [{ role: "user", content }] });

describe("a Messages request is translated for kinds that know the API", () => {
  test("when they would not read the schema of its answer", () => {
    expect(limitedFor({ output_config: { effort: "high", format } })).toEqual(["llamacpp", "ollama"]);
    expect(limitedFor({ output_format: format })).toEqual(["llamacpp", "ollama"]);
  });

  test("when they would lose or refuse the text of a document", () => {
    const source = { type: "text", media_type: "text/plain", data: "once" };
    expect(limitedFor(saying({ type: "document", source }))).toEqual(["llamacpp", "ollama", "vllm"]);
  });

  test("not for an effort alone, a picture, a PDF, or a text that talks of all that", () => {
    expect(limitedFor({ output_config: { effort: "high" } })).toEqual([]);
    expect(
      limitedFor(saying({ type: "image", source: { type: "base64", media_type: "image/png" } })),
    ).toEqual([]);
    const pdf = { type: "base64", media_type: "application/pdf", data: "AA==" };
    expect(limitedFor(saying({ type: "document", source: pdf }))).toEqual([]);
    const talk = JSON.stringify({ output_config: { format }, type: "document", media_type: "text/plain" });
    expect(limitedFor(saying({ type: "text", text: talk }))).toEqual([]);
  });
});
