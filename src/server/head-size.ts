/**
 * Estimates the bytes of a request's head: names, values and 4 for each header, plus method, path (without the query)
 * and protocol. `Host` is left out. Repeated headers arrive joined, which counts slightly less than apart.
 */
export function estimateHeadBytes(request: Request, path: string): number {
  let total = request.method.length + path.length + "HTTP/1.1".length + 4;
  request.headers.forEach((value, name) => {
    if (name !== "host") total += name.length + value.length + 4;
  });
  return total;
}

/** The declared length of the body; 0 when none is declared. */
export function declaredBodyBytes(request: Request): number {
  const declared = Number(request.headers.get("content-length") ?? 0);
  return Number.isFinite(declared) ? declared : 0;
}
