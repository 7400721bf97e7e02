import type { EngineName } from "../../../src/proxy/engine.ts";
import type { FakeUpstream } from "../../support/fake-upstream.ts";
import type { EndpointSettings, OllaSettings, RunningOlla } from "../../support/start-olla.ts";

export interface EngineHarness {
  readonly engine: EngineName;
  /** Starts the whole app with the engine under test. */
  start(settings: OllaSettings): Promise<RunningOlla>;
}

/** One thing that every engine does. Opens what it needs and closes it, whatever happens. */
export interface EngineCase {
  readonly name: string;
  /** Why an engine does not do this. */
  readonly notBy?: Readonly<Partial<Record<EngineName, string>>>;
  run(harness: EngineHarness): Promise<void>;
}

/** One request that is not streamed, unless `body` says otherwise. */
export function post(
  olla: RunningOlla,
  body: string = chatBody(),
  init: Omit<RequestInit, "method" | "body"> = {},
): Promise<Response> {
  return fetch(`${olla.url}${chatPath}`, { ...init, method: "POST", body });
}

export const chatPath = "/olla/proxy/v1/chat/completions";

export function chatBody(extra: Readonly<Record<string, unknown>> = {}, model = "tiny"): string {
  return JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], ...extra });
}

export const streamingChat = chatBody({ stream: true });

export function endpointOf(
  upstream: FakeUpstream,
  name: string,
  more: Partial<EndpointSettings> = {},
): EndpointSettings {
  return { name, url: upstream.url, type: upstream.kind, ...more };
}

/**
 * An endpoint whose probes go to a healthy witness while its traffic goes to `url`: it is routable and fails there,
 * whatever the prober thinks, which leaves the failover to the request itself.
 */
export function endpointAt(
  url: string,
  witness: FakeUpstream,
  name: string,
  more: Partial<EndpointSettings> = {},
): EndpointSettings {
  return {
    name,
    url,
    type: "openai-compatible",
    health_check_url: `${witness.url}/v1/models`,
    model_url: `${witness.url}/v1/models`,
    // One probe at the start and then none while the test runs.
    check_interval: "60s",
    ...more,
  };
}

/** Names two endpoints so that the first is always asked first. */
export const first = { priority: 200 } as const;
export const second = { priority: 100 } as const;

/** An endpoint's row of `/internal/status/endpoints`. */
export async function endpointStatus(olla: RunningOlla, name: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${olla.url}/internal/status/endpoints`);
  const status = (await answer.json()) as { endpoints: Record<string, unknown>[] };
  const row = status.endpoints.find((endpoint) => endpoint.name === name);
  if (row === undefined) throw new Error(`no endpoint ${name} in the status`);
  return row;
}

export async function systemStatus(olla: RunningOlla): Promise<Record<string, unknown>> {
  const answer = await fetch(`${olla.url}/internal/status`);
  return ((await answer.json()) as { system: Record<string, unknown> }).system;
}
