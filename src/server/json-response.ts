const encoder = new TextEncoder();

/** A whole JSON answer with its exact length. */
export function jsonResponse(body: object, headers: Readonly<Record<string, string>> = {}): Response {
  const bytes = encoder.encode(JSON.stringify(body));
  return new Response(bytes, {
    headers: { "Content-Type": "application/json", "Content-Length": String(bytes.byteLength), ...headers },
  });
}
