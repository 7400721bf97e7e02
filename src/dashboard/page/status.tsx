type Tone = "good" | "fair" | "bad" | "none";

const looks: Readonly<Record<string, readonly [tone: Tone, glyph: string]>> = {
  healthy: ["good", "●"],
  closed: ["good", "●"],
  busy: ["fair", "◐"],
  warming: ["fair", "◔"],
  degraded: ["fair", "◐"],
  rate_limited: ["fair", "◐"],
  "half-open": ["fair", "◐"],
  draining: ["fair", "▽"],
  unhealthy: ["bad", "▲"],
  offline: ["bad", "✕"],
  critical: ["bad", "▲"],
  config_error: ["bad", "▲"],
  open: ["bad", "✕"],
};

/** A word with a sign before it, so that its colour tells nothing that is not said. */
export function Status({ status, label = status }: { readonly status: string; readonly label?: string }) {
  const [tone, glyph] = looks[status] ?? ["none", "○"];
  return (
    <span class={`status ${tone}`}>
      <span aria-hidden="true">{glyph}</span> {label.replaceAll("_", " ")}
    </span>
  );
}
