import type { Command } from "commander";
import type { HealthFlags } from "./health.ts";
import type { ProgramOptions } from "./program.ts";
import type { RequestsFlags } from "./requests.ts";
import type { RootOptions } from "./root-options.ts";
import type { StatusFlags } from "./status.ts";

/** Adds the commands that ask a running Olla. */
export function addQuestions(
  program: Command,
  { terminal }: ProgramOptions,
  finish: (code: number) => void,
): void {
  // An empty path means none, as for serving.
  const configPath = () => program.opts<RootOptions>().config || undefined;
  addConnectionFlags(
    program
      .command("status")
      .description("show what a running Olla does: endpoints, models, rates")
      .option("-w, --watch", "stay and keep it up to date; q or Ctrl-C ends it")
      .option("--interval <duration>", "how often to look while watching", "2s")
      .option("--json", "print what Olla answers; with --watch a line a look"),
  ).action(async (flags: StatusFlags) => {
    const { status } = await import("./status.ts");
    finish(await status(flags, configPath(), terminal));
  });
  addAddressFlags(
    program
      .command("health")
      .description("ask a running Olla whether it is well: exit code 0 or 1")
      .option("--timeout <duration>", "how long it may take", "3s"),
  ).action(async (flags: HealthFlags) => {
    const { health } = await import("./health.ts");
    finish(await health(flags, configPath(), terminal));
  });
  addConnectionFlags(
    program
      .command("requests")
      .summary("show the last requests, or why one went where it went")
      .description("show the last requests of a running Olla, or why one went where it went")
      .argument("[id]", "of one request, as in the header X-Olla-Request-ID")
      .option("--limit <number>", "how many", "20")
      .option("-f, --follow", "stay and show those that end from now on; Ctrl-C ends it")
      .option("--model <name>", "only those for this model")
      .option("--endpoint <name>", "only those that went to this endpoint")
      .option("--key <name>", "only those of the client's key with this name")
      .option("--status <status>", "only those with this status: 429, or 5xx")
      .option("--since <duration>", "only those that came within the last 15m, 2h, …")
      .option("--json", "print one JSON object in a line for each"),
  ).action(async (id: string | undefined, flags: RequestsFlags) => {
    const { requests } = await import("./requests.ts");
    finish(await requests(id, flags, configPath(), terminal));
  });
}

function addConnectionFlags(command: Command): Command {
  return addAddressFlags(command).option(
    "--key-file <file>",
    "file with the admin key (default: OLLA_SERVER_ADMIN_KEY, the configuration)",
  );
}

function addAddressFlags(command: Command): Command {
  return command
    .optionsGroup("Which Olla, if not the one that the configuration describes:")
    .option("--url <url>", "where it is: http://HOST:PORT or unix:PATH")
    .option("--ca <file>", "certificate authority of an https address, PEM");
}
