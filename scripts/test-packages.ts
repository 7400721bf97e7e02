// Makes packages and looks at them. With OLLA_TEST_PACKAGES=install, as root, what that needs is installed from Debian
// where it is missing, and a package of ours as well: it is run, updated and purged.
import { installDebianPackages } from "./debian-packages.ts";
import { runBun } from "./run-command.ts";

/** By the package that has them. */
const tools = { rpm: "rpmbuild", lintian: "lintian" };

const mode = process.env.OLLA_TEST_PACKAGES ?? "look";
const target = `linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
let buildCode = 0;
if (mode === "install") {
  const missing = Object.entries(tools).filter(([, program]) => Bun.which(program) === null);
  await installDebianPackages(missing.map(([name]) => name));
  buildCode = await runBun(["scripts/build-binary.ts", "--target", target]);
}
process.exitCode =
  buildCode === 0
    ? await runBun(["test", "./test/packages/"], { env: { OLLA_TEST_PACKAGES: mode } })
    : buildCode;
