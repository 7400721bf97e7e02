import { type App, createApp } from "../app.ts";
import { formatProblem } from "../config/problem.ts";
import type { BuildIdentity } from "../lib/build-identity.ts";
import { systemClock } from "../lib/clock.ts";
import { createDescriptorOutput, createLogger } from "../lib/log-writer.ts";
import { createConsoleFormatter } from "./log-settings.ts";
import { prepare } from "./preparation.ts";
import { type RunnableApp, runApp } from "./run-app.ts";
import { type SimulatedEndpoint, startSimulatedEndpoint } from "./simulated-endpoint.ts";
import { formatEndpoints, formatModels } from "./startup-summary.ts";
import { createPainter, hasColour, type Painter, type Terminal } from "./terminal.ts";

export interface DemoOptions {
  readonly terminal: Terminal;
  readonly build: BuildIdentity;
  /** Tried first; another free port is taken if it is in use. */
  readonly port?: number;
  readonly wordPauseMs?: number;
}

const sharedModel = "demo-chat:latest";
const simulated = [
  { name: "simulated-a", models: [sharedModel, "demo-large:latest"] },
  { name: "simulated-b", models: [sharedModel, "demo-embed:latest"] },
] as const;

/** About as fast as a model on a small machine, and as people read. */
const humanPauseMs = 60;

/** Olla in front of two simulated endpoints, with something to paste. @returns the exit code */
export async function demo({
  terminal,
  build,
  port = 40114,
  wordPauseMs = humanPauseMs,
}: DemoOptions): Promise<number> {
  const clock = systemClock;
  const painter = createPainter(hasColour(terminal));
  const output = createDescriptorOutput(1);
  let isAnnounced = false;
  const logger = createLogger({
    level: "info",
    format: createConsoleFormatter(hasColour(terminal)),
    // What happens before the announcement is what the announcement says.
    output: { ...output, write: (text) => (isAnnounced ? output.write(text) : undefined) },
    clock,
  });
  const endpoints = simulated.map((settings) => startSimulatedEndpoint({ ...settings, wordPauseMs, clock }));
  try {
    const { config, isSet, profiles } = await loadDemoConfig(endpoints, port);
    const options = { config, isSet, profiles, logger, clock, build };
    const app = startAnywhere((freePort) => createApp({ ...options, ...freePort }), terminal);
    return await runApp({
      app,
      logger,
      terminal,
      clock,
      async announce({ url, dashboardUrl }) {
        const look = await app.firstLook();
        isAnnounced = true;
        const lines = [
          "",
          `${painter.bold(`Olla ${build.version}`)} on ${url}, in front of two simulated endpoints`,
          "",
          ...formatEndpoints(look, painter),
          "",
          ...formatModels(look, painter),
          "",
          ...suggestUse(url, dashboardUrl, painter),
          "",
        ];
        terminal.out(`${lines.join("\n")}\n`);
      },
    });
  } finally {
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
  }
}

function suggestUse(url: string, dashboardUrl: string | undefined, painter: Painter): string[] {
  const question = `{"model":"${sharedModel}","stream":true,"messages":[{"role":"user","content":"Hello"}]}`;
  return [
    painter.bold("  Paste this into another terminal and watch the answer come word by word"),
    "",
    `curl -N ${url}/olla/openai/v1/chat/completions -d '${question}'`,
    "",
    painter.bold("  Or point an OpenAI SDK at it"),
    "",
    `base_url="${url}/olla/openai/v1" api_key="not-needed" model="${sharedModel}"`,
    "",
    ...(dashboardUrl === undefined
      ? []
      : [painter.bold("  And watch it all in a browser"), "", dashboardUrl, ""]),
    painter.dim(
      "  Stop with Ctrl-C. Nothing here computes anything: every answer says that it is simulated.",
    ),
  ];
}

async function loadDemoConfig(endpoints: readonly SimulatedEndpoint[], port: number) {
  const entries = endpoints.map(({ url }, index) => ({
    name: simulated[index]?.name,
    url,
    type: "ollama",
    priority: 100,
  }));
  const text = JSON.stringify({
    server: { host: "localhost", port, shutdown_timeout: "2s" },
    proxy: { load_balancer: "round-robin" },
    discovery: { static: { endpoints: entries } },
  });
  // Neither the user's file nor his variables: the demo looks the same everywhere.
  const { loaded, profiles, problems } = await prepare({
    configPath: "demo",
    env: {},
    cwd: "/",
    readFile: async () => text,
  });
  if (loaded.config === undefined) throw new Error(problems.map(formatProblem).join("; "));
  return { config: loaded.config, isSet: loaded.isSet, profiles: profiles.profiles };
}

/** The app on its own port, or on any free one when that is taken. */
function startAnywhere(create: (port: { readonly port?: number }) => App, terminal: Terminal): RunnableApp {
  let app = create({});
  return {
    start() {
      try {
        return app.start();
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
        terminal.out("The usual port is in use (perhaps by an Olla), so the demo takes another one.\n");
        app = create({ port: 0 });
        return app.start();
      }
    },
    firstLook: () => app.firstLook(),
    stop: () => app.stop(),
  };
}
