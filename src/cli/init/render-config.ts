import { docsHome } from "../../lib/docs-home.ts";
import { yamlText } from "../yaml-text.ts";
import type { Choices, ChosenEndpoint } from "./choices.ts";

/** The text of a configuration that says what was chosen, with comments for what comes next. @param schemaFile beside it */
export function renderConfig(choices: Choices, schemaFile: string): string {
  const lines = [
    `# yaml-language-server: $schema=${schemaFile}`,
    "#",
    "# Written by `olla init`. `olla validate` checks it after a change, `olla doctor` tries the endpoints out.",
    `# ${docsHome}/configuration.md lists every key; lines that begin with \`# \` are examples.`,
    "",
    "server:",
    choices.isOpen
      ? "  host: 0.0.0.0              # localhost keeps other machines out"
      : "  host: localhost            # 0.0.0.0 lets other machines in",
    `  port: ${choices.port}`,
    "",
    ...renderEndpoints(choices.endpoints),
    "",
    "# Names of your own for models: the first that has a place answers.",
    "# model_aliases:",
    "#   fast:",
    '#     - model: "llama3.2:latest"',
    '#     - model: "qwen3:4b"',
    "",
    ...renderKeys(choices.isOpen),
  ];
  return `${lines.join("\n")}\n`;
}

function renderEndpoints(endpoints: readonly ChosenEndpoint[]): string[] {
  if (endpoints.length === 0) {
    return [
      "# Without a list of endpoints Olla looks at the usual ports of this machine, at its start and every 15 s.",
      "# discovery:",
      "#   static:",
      "#     endpoints:",
      "#       - name: gpu-box",
      "#         url: http://192.168.1.20:8000",
      "#         type: auto           # find out what it is",
    ];
  }
  return [
    "discovery:",
    "  static:",
    "    endpoints:",
    ...endpoints.flatMap(({ name, url, type }, index) => [
      `      - name: ${yamlText(name)}`,
      `        url: ${yamlText(url)}`,
      `        type: ${yamlText(type)}${type === "auto" ? "           # find out what it is" : ""}`,
      ...(index === 0
        ? [
            "        # priority: 100      # the highest that can answer is asked first",
            "        # max_concurrent: 4  # further requests go elsewhere, or wait",
          ]
        : []),
    ]),
  ];
}

function renderKeys(isOpen: boolean): string[] {
  const why = isOpen
    ? "# Other machines can reach Olla, and anybody there may use it until clients must show a key:"
    : "# Keys that clients must show, for when other machines can reach Olla:";
  return [
    why,
    "# `olla key new --name laptop` prints one, and its hash for here.",
    "# auth:",
    "#   keys:",
    "#     - name: laptop",
    `#       hash: sha256:${"0".repeat(64)}`,
  ];
}
