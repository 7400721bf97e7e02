import type { FirstLook } from "../app/fleet.ts";
import type { AppAddress } from "../app.ts";
import type { LogWriter } from "../lib/log-writer.ts";
import type { Painter } from "./terminal.ts";

/** What a person wants to know after starting Olla: what it found, and what to do with it. */
export function formatSummary(
  look: FirstLook,
  url: string,
  painter: Painter,
  operators: Partial<Pick<AppAddress, "adminUrl" | "dashboardUrl">> = {},
): string {
  const sections = [
    formatEndpoints(look, painter),
    formatModels(look, painter),
    formatSearch(look, painter),
    formatUse(look, url, painter, operators),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `\n${lines.join("\n")}\n`)
    .join("");
}

/** The same for a log collector. */
export function logSummary(
  logger: Pick<LogWriter, "info">,
  look: FirstLook,
  { url, dashboardUrl }: Pick<AppAddress, "url" | "dashboardUrl">,
): void {
  for (const { port, text } of look.searched ?? []) logger.info("Looked for a server", { port, seen: text });
  for (const { endpoint, health } of look.endpoints) {
    logger.info("Endpoint", {
      name: endpoint.name,
      url: endpoint.url,
      type: endpoint.profile.name,
      priority: endpoint.priority,
      status: health.status,
      models: look.modelCounts.get(endpoint.name),
    });
  }
  if (look.searched !== undefined) {
    logger.info("No configuration file: this machine is searched, now and from time to time", {
      config_to_write: `${exampleConfig(look.searched).join("\n")}\n`,
    });
  }
  logger.info("Ready", {
    url,
    dashboard_url: dashboardUrl,
    endpoints: look.endpoints.length,
    models: look.modelNames.length,
  });
}

const routable = ["healthy", "busy", "warming"];

export function formatEndpoints({ endpoints, searched, modelCounts }: FirstLook, painter: Painter): string[] {
  if (endpoints.length === 0) {
    return searched === undefined ? [painter.yellow("  No endpoints are configured.")] : [];
  }
  const lines = alignColumns(
    endpoints.map(({ endpoint, health }) => [
      endpoint.name,
      endpoint.url,
      endpoint.isAutoDetected ? "auto" : endpoint.profile.name,
      health.status === "unknown" ? "not checked yet" : health.status,
      describeCount(modelCounts.get(endpoint.name)),
    ]),
  );
  const marked = lines.map((line, index) => {
    const isUp = routable.includes(endpoints[index]?.health.status ?? "unknown");
    return `    ${isUp ? painter.green("●") : painter.red("○")} ${line.trimEnd()}`;
  });
  return [painter.bold("  Endpoints"), ...marked];
}

function describeCount(models: number | undefined): string {
  if (models === undefined || models === 0) return "";
  return models === 1 ? "1 model" : `${models} models`;
}

export function formatModels({ modelNames }: FirstLook, painter: Painter): string[] {
  if (modelNames.length === 0) return [];
  return [painter.bold("  Models"), ...wrapWords(modelNames, 96).map((line) => `    ${line}`)];
}

function formatUse(
  { endpoints }: FirstLook,
  url: string,
  painter: Painter,
  { adminUrl = url, dashboardUrl }: Partial<Pick<AppAddress, "adminUrl" | "dashboardUrl">>,
): string[] {
  // Ollama's own API needs an Ollama behind it; who has none yet may be about to start one.
  const isForOllama =
    endpoints.length === 0 ||
    endpoints.some(({ endpoint }) => endpoint.isAutoDetected || endpoint.profile.name === "ollama");
  // Through a Unix socket any host name will do.
  const [base, adminBase] = [url, adminUrl].map((each) =>
    each.startsWith("unix:") ? "http://localhost" : each,
  );
  const rows = [
    ["OpenAI clients", `${base}/olla/openai/v1`],
    ...(isForOllama ? [["Ollama clients", `${base}/olla/ollama`]] : []),
    ...(dashboardUrl === undefined ? [] : [["Dashboard", dashboardUrl]]),
    ["Status", `${adminBase}/internal/status`],
    ["Stop", "Ctrl-C"],
  ];
  return [painter.bold("  Use it"), ...alignColumns(rows).map((line) => `    ${line}`)];
}

function formatSearch({ searched }: FirstLook, painter: Painter): string[] {
  if (searched === undefined) return [];
  return [
    painter.bold("  No configuration file: this machine is searched, now and from time to time"),
    ...alignColumns(searched.map(({ url, text }) => [url, text])).map((line) => `    ${line}`),
    "",
    "    To name your servers yourself, write config.yaml:",
    "",
    ...exampleConfig(searched).map((line) => painter.dim(`      ${line}`)),
  ];
}

/** What was found, as a file: a beginning that can be changed. */
function exampleConfig(searched: NonNullable<FirstLook["searched"]>): string[] {
  const found = searched.flatMap((look) => (look.found === undefined ? [] : [look.found]));
  const shown =
    found.length > 0 ? found : [{ name: "gpu-box", url: "http://192.168.1.20:11434", profileName: "ollama" }];
  const entries = shown.map(({ name, url, profileName }) => {
    return `      - { name: ${name}, url: "${url}", type: ${profileName} }`;
  });
  return ["discovery:", "  static:", "    endpoints:", ...entries];
}

/** Pads every column but the last to its longest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column < row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell,
    );
    return cells.join("  ");
  });
}

const mostShown = 24;

/** As many names as fit into a few lines, then how many more there are. */
export function wrapWords(names: readonly string[], width: number): string[] {
  const rest = names.length - mostShown;
  const words = rest > 0 ? [...names.slice(0, mostShown), `and ${rest} more`] : names;
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + word.length + 2 > width) {
      lines.push(`${line},`);
      line = "";
    }
    line += line === "" ? word : `, ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
