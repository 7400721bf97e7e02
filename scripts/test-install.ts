// Packs Olla for this machine as a release does, and installs it the ways that a newcomer would.
import { installDebianPackages } from "./debian-packages.ts";
import { runBun } from "./run-command.ts";
import { hostTarget } from "./targets.ts";

/** What some of the tests need, named alike by Debian. */
const tools = ["busybox", "curl", "mksh", "shellcheck", "wget", "zsh"];

await installDebianPackages(tools.filter((tool) => Bun.which(tool) === null));
const wanted = ["--snapshot", "--target", hostTarget().name, "--no-packages"];
const packCode = await runBun(["scripts/release/release.ts", ...wanted]);
process.exitCode =
  packCode === 0 ? await runBun(["test", "./test/install/"], { env: { OLLA_TEST_INSTALL: "1" } }) : packCode;
