// Compares Olla's CPU with that of a minimal proxy: dist/olla when it is built, else from source.
import { ollaCommand } from "../bench/peers.ts";
import { runBun } from "./run-command.ts";

console.log(`olla: ${ollaCommand().join(" ")}`);
process.exitCode = await runBun(["test", "./test/speed/"], { env: { OLLA_TEST_SPEED: "1" } });
