import type { Profile } from "../../profiles/profile.ts";

/** Kinds that read neither the schema of an answer nor documents, and say nothing of it. */
const deafKinds: ReadonlySet<string> = new Set(["ollama", "llamacpp", "docker-model-runner", "lemonade"]);

/** Refuses documents, and knows schemas. */
const documentlessKind = "vllm";

const formats = /"output_(?:config|format)"\s*:\s*\{/;
const textDocument = /"media_type"\s*:\s*"text\//;

/**
 * For which kinds a Messages request has to be translated although they know the API, because they would lose the schema
 * of its answer or the text of its documents. Looks at the bytes only, because most requests are never parsed.
 * Sources: https://github.com/ollama/ollama/blob/main/anthropic/anthropic.go,
 * https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/anthropic/protocol.py, and llama.cpp b10488 as it answers
 */
export function findNativeLimits(body: Uint8Array): (profile: Profile) => boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const mayHaveDocuments = bytes.includes('"document"');
  const mayHaveSchema = bytes.includes('"json_schema"');
  if (!mayHaveDocuments && !mayHaveSchema) return () => false;
  const text = bytes.toString("latin1");
  const hasDocument = mayHaveDocuments && textDocument.test(text);
  const hasSchema = mayHaveSchema && formats.test(text);
  return ({ name }) =>
    (hasDocument && name === documentlessKind) || ((hasDocument || hasSchema) && deafKinds.has(name));
}
