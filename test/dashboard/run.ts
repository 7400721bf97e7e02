// Lets a real browser at the dashboard, from source or, with `--binary`, out of the executable.
import { installDebianPackages } from "../../scripts/debian-packages.ts";
import { runBun } from "../../scripts/run-command.ts";
import { findChromium } from "./browser/chromium.ts";

const isBinary = process.argv.includes("--binary");
const limitMs = 5 * 60_000;
const tests = ["./test/dashboard/browser/page.browser.ts", "./test/dashboard/serving.test.ts"];

await installDebianPackages(findChromium() === undefined ? ["chromium"] : []);
const buildCode = isBinary ? await runBun(["scripts/build-binary.ts"], { timeout: limitMs }) : 0;
process.exitCode =
  buildCode === 0
    ? await runBun(["test", ...tests], { env: isBinary ? { OLLA_TEST_BINARY: "1" } : {}, timeout: limitMs })
    : buildCode;
