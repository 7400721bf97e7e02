// Compares Olla's CPU with that of a minimal proxy: dist/olla when it is built, else from source.
import { resolve } from "node:path";
import { ollaCommand } from "../bench/peers.ts";

console.log(`olla: ${ollaCommand().join(" ")}`);
const child = Bun.spawn([process.execPath, "test", "./test/speed/"], {
  cwd: resolve(import.meta.dir, ".."),
  env: { ...process.env, OLLA_TEST_SPEED: "1" },
  stdin: "ignore",
  stdout: "inherit",
  stderr: "inherit",
});
process.exitCode = await child.exited;
