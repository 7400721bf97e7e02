type Settings = Readonly<Record<string, unknown>>;

/** An entry of `discovery.static.endpoints`, keys as in YAML. */
export interface EndpointSettings extends Settings {
  readonly url: string;
  readonly name?: string;
}

/** A configuration in parts, keys as in YAML; what is left out has the tests' quick defaults. */
export interface OllaSettings {
  readonly endpoints: readonly EndpointSettings[];
  readonly server?: Settings;
  readonly proxy?: Settings;
  readonly modelDiscovery?: Settings;
  /** Further top-level sections. */
  readonly sections?: Settings;
  /**
   * What `startOlla` waits for: every endpoint healthy with its models known (default), every endpoint probed once
   * whatever came out, or nothing but the open port.
   */
  readonly readiness?: "all-healthy" | "all-probed" | "listening";
}

/** The YAML text of a configuration; JSON is YAML. */
export function renderConfig(settings: OllaSettings, port: number): string {
  return JSON.stringify(
    {
      server: { host: "127.0.0.1", port, shutdown_timeout: "500ms", ...settings.server },
      proxy: { engine: "sherpa", load_balancer: "priority", ...settings.proxy },
      discovery: {
        type: "static",
        model_discovery: { enabled: true, interval: "60s", timeout: "5s", ...settings.modelDiscovery },
        static: { endpoints: settings.endpoints },
      },
      logging: { level: "debug", format: "json" },
      ...settings.sections,
    },
    null,
    2,
  );
}
