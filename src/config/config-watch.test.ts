import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { waitUntil } from "../../test/support/wait-until.ts";
import { createConfigWatch } from "./config-watch.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "olla-watch-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A watch over real files, whose looks happen when the test says so. */
async function startWatch(paths: () => readonly string[]) {
  const clock = createFakeClock();
  let changes = 0;
  const watch = createConfigWatch({
    clock,
    paths,
    onChange: async () => {
      changes += 1;
    },
  });
  watch.start();
  const hasLooked = () => waitUntil(() => clock.pendingTimers() === 1, { what: "the next look is due" });
  await hasLooked();
  const look = async () => {
    clock.advance(clock.nextDelay() ?? 0);
    await hasLooked();
  };
  return {
    watch,
    clock,
    look,
    /** Until it is sure of what it sees. */
    async changesSeen() {
      const before = changes;
      await look();
      if (clock.nextDelay() === 250) await look();
      return changes - before;
    },
  };
}

describe("a change is seen once, whatever way it comes", () => {
  const file = () => join(folder, "config.yaml");
  beforeEach(() => writeFile(file(), "one"));

  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    "written in place": () => writeFile(file(), "two!"),
    "renamed into place, as editors do": async () => {
      await writeFile(join(folder, ".config.yaml.swp"), "two");
      await rename(join(folder, ".config.yaml.swp"), file());
    },
    removed: () => unlink(file()),
  };
  for (const [way, change] of Object.entries(ways)) {
    test(way, async () => {
      const { changesSeen } = await startWatch(() => [file()]);
      expect(await changesSeen()).toBe(0);
      await change();
      expect([await changesSeen(), await changesSeen()]).toEqual([1, 0]);
    });
  }

  test("a link that leads to another folder, as with a ConfigMap", async () => {
    for (const version of ["v1", "v2"]) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, "mounted.yaml"), version);
    }
    await symlink("v1", join(folder, "..data"));
    await symlink("..data/mounted.yaml", join(folder, "mounted.yaml"));
    const { changesSeen } = await startWatch(() => [join(folder, "mounted.yaml")]);
    await symlink("v2", join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    expect([await changesSeen(), await changesSeen()]).toEqual([1, 0]);
  });

  test("a file that was not there, within half a minute", async () => {
    const late = join(folder, "late.yaml");
    const { changesSeen, clock } = await startWatch(() => [file(), late]);
    await writeFile(late, "new");
    let seen = 0;
    while (seen === 0 && clock.now() < 31_000) seen = await changesSeen();
    expect([seen, await changesSeen()]).toEqual([1, 0]);
  });

  test("a file in a folder", async () => {
    const { changesSeen } = await startWatch(() => [folder]);
    await writeFile(join(folder, "own.yaml"), "new");
    expect([await changesSeen(), await changesSeen()]).toEqual([1, 0]);
  });
});

test("nothing is done while a file is still being written", async () => {
  const file = join(folder, "config.yaml");
  await writeFile(file, "a");
  const { look, changesSeen, clock } = await startWatch(() => [file]);
  for (const piece of ["b", "c", "d"]) {
    await appendFile(file, piece);
    await look();
    expect(clock.nextDelay()).toBe(250);
  }
  expect(await changesSeen()).toBe(1);
});

test("files that the change brings in are watched from then on", async () => {
  const file = join(folder, "config.yaml");
  const other = join(folder, "other.yaml");
  await writeFile(file, "a");
  await writeFile(other, "a");
  const paths = [file];
  const { changesSeen } = await startWatch(() => paths);
  await writeFile(other, "not watched yet");
  expect(await changesSeen()).toBe(0);
  paths.push(other);
  await writeFile(file, "names the other");
  expect(await changesSeen()).toBe(1);
  await writeFile(other, "changed");
  expect(await changesSeen()).toBe(1);
});

test("stopping ends the looks, and starting again takes what is there for known", async () => {
  const file = join(folder, "config.yaml");
  await writeFile(file, "a");
  const { watch, clock, changesSeen } = await startWatch(() => [file]);
  watch.stop();
  expect(clock.pendingTimers()).toBe(0);
  await writeFile(file, "changed meanwhile");
  watch.start();
  watch.start();
  await waitUntil(() => clock.pendingTimers() === 1, { what: "the next look is due" });
  expect(await changesSeen()).toBe(0);
});
