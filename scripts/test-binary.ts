// Builds the executable for this machine and runs the tests that need it, and what attackers send against it.
import { runBun } from "./run-command.ts";

const tests = ["./test/binary/", "./test/hostile/", "./test/cli/systemd-notify.test.ts"];

const buildCode = await runBun(["scripts/build-binary.ts"]);
process.exitCode =
  buildCode === 0 ? await runBun(["test", ...tests], { env: { OLLA_TEST_BINARY: "1" } }) : buildCode;
