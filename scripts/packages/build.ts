// Makes packages out of the executables in dist/, which `npm run build -- --target linux-x64 --target linux-arm64` makes.
//
//   npm run package                       every kind for every processor that there is an executable for
//   npm run package -- deb                one kind
//   npm run package -- deb --cpu arm64    for one processor

import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import packageFile from "../../package.json" with { type: "json" };
import { root } from "../run-command.ts";
import { buildDeb } from "./deb.ts";
import { buildRpm } from "./rpm.ts";

const builders = { deb: buildDeb, rpm: buildRpm } as const;
const processors = ["x64", "arm64"] as const;

function isKind(name: string): name is keyof typeof builders {
  return Object.hasOwn(builders, name);
}

/** Of the commit, so that the same source makes the same bytes. */
function readEpoch(): number {
  const asked = process.env.SOURCE_DATE_EPOCH;
  if (asked !== undefined) return Number(asked);
  const git = Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: root, stderr: "ignore" });
  return git.success ? Number(git.stdout.toString()) : Math.floor(Date.now() / 1000);
}

async function build(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { cpu: { type: "string" }, out: { type: "string", default: join(root, "dist/packages") } },
    allowPositionals: true,
  });
  const kinds = positionals.length === 0 ? Object.keys(builders) : positionals;
  const wanted = processors.filter((cpu) => values.cpu === undefined || values.cpu === cpu);
  const unknown = kinds.find((kind) => !isKind(kind));
  if (unknown !== undefined)
    throw new Error(`No kind "${unknown}". There are: ${Object.keys(builders).join(", ")}`);
  if (wanted.length === 0)
    throw new Error(`No processor "${values.cpu}". There are: ${processors.join(", ")}`);
  const found = wanted.filter((cpu) => existsSync(join(root, `dist/olla-linux-${cpu}`)));
  if (found.length === 0) {
    const targets = wanted.map((cpu) => ` --target linux-${cpu}`).join("");
    throw new Error(`There is no executable to pack: npm run build --${targets}`);
  }
  for (const cpu of found) {
    for (const kind of kinds.filter(isKind)) {
      const file = await builders[kind]({
        version: packageFile.version,
        cpu,
        executable: join(root, `dist/olla-linux-${cpu}`),
        outFolder: resolve(values.out),
        epoch: readEpoch(),
      });
      console.log(`${relative(root, file)}  ${(Bun.file(file).size / 1e6).toFixed(0)} MB`);
    }
  }
}

try {
  await build();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
