import type { Handler } from "hono";
import type { DirectEnv } from "../direct-env.ts";

export const apiDocumentPath = "/internal/openapi.json";

/** `GET /internal/openapi.json`: the file of the repository, which is in the binary and read by the first who asks. */
export const apiDocument: Handler<DirectEnv> = async () => {
  const { apiDocumentText } = await import("./api-document-text.ts");
  const bytes = new TextEncoder().encode(apiDocumentText);
  return new Response(bytes, {
    headers: { "Content-Type": "application/json", "Content-Length": String(bytes.byteLength) },
  });
};
