import type { RequestRow } from "./wire.ts";

export function Result({ row }: { readonly row: RequestRow }) {
  const hasFailed = isFailed(row);
  const word = row.error_code ?? (row.ending === "complete" ? "" : row.ending);
  return (
    <span class={`status ${hasFailed ? "bad" : row.ending === "complete" ? "good" : "fair"}`}>
      <span aria-hidden="true">{hasFailed ? "✕" : row.ending === "complete" ? "✓" : "◐"}</span> {row.status}{" "}
      {word.replaceAll("_", " ").replaceAll("-", " ")}
    </span>
  );
}

/** As Olla counts errors: a client that left, or was sent away by an operator, is none. */
export function isFailed({ status, ending }: RequestRow): boolean {
  if (ending === "client-abort" || ending === "cancelled") return false;
  return status >= 400 || ending !== "complete";
}
