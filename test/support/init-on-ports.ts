// Runs `olla init` with questions, on a real terminal, where only the ports of the test are looked at:
//   bun init-on-ports.ts OUTPUT KIND PORT…
import { askOnTerminal } from "../../src/cli/init/asker.ts";
import { init } from "../../src/cli/init.ts";
import { buildIdentity } from "../../src/lib/build-identity.ts";
import { loadProfiles } from "../../src/profiles/load.ts";

const [output = "", kind = "", ...ports] = process.argv.slice(2);
const profile = loadProfiles().profiles.byType(kind);
if (profile === undefined) throw new Error(`no profile is called ${kind}`);
process.exitCode = await init(
  { output },
  {
    terminal: {
      out: (text) => void process.stdout.write(text),
      err: (text) => void process.stderr.write(text),
      env: {},
      cwd: process.cwd(),
      isScreen: true,
      exitNow: (code) => process.exit(code),
    },
    build: buildIdentity,
    openAsker: askOnTerminal,
    ports: ports.map((port) => ({ port: Number(port), profiles: [profile] })),
  },
);
