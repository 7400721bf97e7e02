import { describe, expect, test } from "bun:test";
import { isAskedFor, reason } from "./support/asked-for.ts";
import { Newcomer } from "./support/newcomer.ts";
import { packedVersion, ReleaseServer } from "./support/release-server.ts";

describe.skipIf(!isAskedFor)(`install.sh on other machines, which are pretended${reason}`, () => {
  const strangers: readonly { system: string; machine: string; bits: number; says: RegExp }[] = [
    { system: "Linux", machine: "armv7l", bits: 32, says: /32-bit ARM \(armv7l\).*needs a 64-bit system/ },
    { system: "Linux", machine: "armv8l", bits: 32, says: /32-bit ARM/ },
    { system: "Linux", machine: "aarch64", bits: 32, says: /kernel is 64-bit .* programs are 32-bit/ },
    { system: "Linux", machine: "i686", bits: 32, says: /32-bit \(i686\)/ },
    { system: "Linux", machine: "riscv64", bits: 64, says: /no Olla for the processor riscv64/ },
    { system: "FreeBSD", machine: "amd64", bits: 64, says: /no Olla for FreeBSD/ },
    { system: "MINGW64_NT-10.0", machine: "x86_64", bits: 64, says: /not for Windows: unpack the zip/ },
  ];
  test.each(strangers)(
    "says why not on $system, $machine, $bits bits",
    async ({ system, machine, bits, says }) => {
      await using server = new ReleaseServer();
      await using newcomer = await Newcomer.arrive();
      const path = await pretend(newcomer, { system, machine, bits });
      const run = await newcomer.install([], { baseUrl: server.url, env: { PATH: path } });
      expect(run.code).toBe(1);
      expect(run.stderr).toMatch(says);
      expect([server.requests, newcomer.files().filter((file) => file.startsWith(".local"))]).toEqual([
        [],
        [],
      ]);
    },
  );

  const machines: readonly {
    system: string;
    machine: string;
    libc?: string;
    arm?: number;
    target: string;
  }[] = [
    { system: "Linux", machine: "x86_64", libc: "ldd (GNU libc) 2.36", target: "linux-x64" },
    { system: "Linux", machine: "aarch64", libc: "musl libc (aarch64)", target: "linux-arm64-musl" },
    { system: "Darwin", machine: "arm64", arm: 1, target: "darwin-arm64" },
    { system: "Darwin", machine: "x86_64", arm: 0, target: "darwin-x64" },
    { system: "Darwin", machine: "x86_64", arm: 1, target: "darwin-arm64" },
  ];
  test.each(machines)("takes $target on $system, $machine", async ({ target, ...machine }) => {
    const name = `olla-${packedVersion}-${target}.tar.gz`;
    // Others are in the list as well, with names that begin or end alike.
    const others = ["linux-x64-musl", "linux-arm64", "darwin-x64.zip"].map(
      (other) => `olla-9.9.9-${other}.tar.gz`,
    );
    const list = [...others, name, `${name}.sig`].map((file) => `${"0".repeat(64)}  ${file}\n`);
    await using server = new ReleaseServer({ SHA256SUMS: list.join("") });
    await using newcomer = await Newcomer.arrive();
    const path = await pretend(newcomer, { bits: 64, ...machine });
    const run = await newcomer.install(["--dry-run"], { baseUrl: server.url, env: { PATH: path } });
    expect([run.code, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toBe(
      `Would install Olla ${packedVersion} for ${target} as ${newcomer.program}, ` +
        `from ${server.url}/download/v${packedVersion}/${name}\n`,
    );
    expect(newcomer.files().filter((file) => file.startsWith(".local"))).toEqual([]);
  });
});

/** Puts programs first in the path that tell of another machine. @returns the path */
async function pretend(
  newcomer: Newcomer,
  machine: { system: string; machine: string; bits: number; libc?: string; arm?: number },
): Promise<string> {
  const uname = `case $1 in -s) echo ${machine.system} ;; -m) echo ${machine.machine} ;; *) exit 1 ;; esac`;
  const programs = {
    uname,
    getconf: `echo ${machine.bits}`,
    ldd: `echo '${machine.libc ?? "ldd (GNU libc) 2.36"}'`,
    sysctl: machine.arm === undefined ? "exit 1" : `echo ${machine.arm}`,
  };
  for (const [name, text] of Object.entries(programs)) {
    await newcomer.write(`fake/${name}`, `#!/bin/sh\n${text}\n`, "755");
  }
  return `${newcomer.home}/fake:${process.env.PATH}`;
}
