// By hand: bun test/chaos/run.ts --seconds 60 --engine olla --seed 1
import { parseArgs } from "node:util";
import { runChaos } from "./chaos-run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    engine: { type: "string", default: "olla" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    clients: { type: "string", default: "50" },
  },
});
const seconds = Math.min(600, Number(values.seconds));
const engine = values.engine === "sherpa" ? "sherpa" : "olla";
console.log(`seed ${values.seed}, engine ${engine}, ${seconds} s, ${values.clients} clients`);
const report = await runChaos({
  engine,
  seconds,
  seed: Number(values.seed),
  clients: Number(values.clients),
});
console.log(JSON.stringify(report, null, 2));
process.exit(report.violations.length === 0 ? 0 : 1);
