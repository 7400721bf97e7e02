import type { OllaSettings } from "./olla-config.ts";
import { waitUntil } from "./wait-until.ts";

interface EndpointRow {
  readonly name: string;
  readonly status: string;
  readonly last_model_sync_at?: string;
}

async function readEndpoints(url: string): Promise<EndpointRow[]> {
  // Tests of TLS check certificates themselves.
  const answer = await fetch(`${url}/internal/status/endpoints`, { tls: { rejectUnauthorized: false } });
  return ((await answer.json()) as { endpoints: EndpointRow[] }).endpoints;
}

/** Waits, by asking the public routes only, until the app has found what the settings say it should find. */
export async function waitUntilReady(url: string, settings: OllaSettings): Promise<void> {
  const readiness = settings.readiness ?? "all-healthy";
  if (readiness === "listening") return;
  const knowsModels = settings.modelDiscovery?.enabled !== false;
  let rows: EndpointRow[] = [];
  const isReady = (row: EndpointRow): boolean => {
    if (readiness === "all-probed") return row.status !== "unknown";
    return row.status === "healthy" && (!knowsModels || row.last_model_sync_at !== undefined);
  };
  await waitUntil(
    async () => {
      rows = await readEndpoints(url);
      return rows.length === settings.endpoints.length && rows.every(isReady);
    },
    { deadlineMs: 10_000, what: "every endpoint is ready" },
  ).catch((cause: unknown) => {
    throw new Error(`endpoints are not ready: ${JSON.stringify(rows)}`, { cause });
  });
}
