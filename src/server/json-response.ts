const encoder = new TextEncoder();

/** A whole JSON answer with its exact length. */
export function jsonResponse(
  body: object,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Response {
  const bytes = encoder.encode(JSON.stringify(body));
  return new Response(bytes, {
    status,
    headers: { "Content-Type": "application/json", "Content-Length": String(bytes.byteLength), ...headers },
  });
}
