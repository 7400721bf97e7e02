// A key that is documented as active and that nothing reads would be ignored in silence.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { listKeys } from "../../src/config/key-list.ts";
import { configSchema } from "../../src/config/schema.ts";

const source = join(import.meta.dir, "../../src");

/** Keys with a single valid value, or none that works yet but the default: the check is all there is to them. */
const onlyChecked: readonly string[] = ["discovery.type", "model_registry.type"];

/** Where keys are declared and judged, not used. */
const declaring = /^config\/(schema|notices|key|problem)/;

async function readUsingFiles(): Promise<string[]> {
  const paths = [...new Bun.Glob("**/*.ts").scanSync(source)].filter(
    (path) => !path.endsWith(".test.ts") && !declaring.test(path),
  );
  const texts = await Promise.all(paths.map((path) => Bun.file(join(source, path)).text()));
  return texts.map((text) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|"[^"\n]*"/gm, ""));
}

/** Whether some file takes the key by its name and mentions the section that it is in. */
function isRead(path: string, files: readonly string[]): boolean {
  // A filter is taken whole, and the name of a key for a file is put together from that of its value.
  const name = path.replaceAll("[]", "").replace(/\.(in|ex)clude$|_file$/, "");
  const [section = "", key = ""] = name.split(".").slice(-2);
  return files.some(
    (text) => new RegExp(`\\b${key}\\b`).test(text) && new RegExp(`${section}`, "i").test(text),
  );
}

test("every key that is active is read by something", async () => {
  const files = await readUsingFiles();
  const active = listKeys(configSchema)
    .filter(({ path, metadata }) => (metadata.status ?? "active") === "active" && path.includes("."))
    .map(({ path }) => path);
  expect(active.length).toBeGreaterThan(60);
  expect(active.filter((path) => !onlyChecked.includes(path) && !isRead(path, files))).toEqual([]);
});

test("a key that nobody reads would be noticed", async () => {
  expect(isRead("server.no_such_key", await readUsingFiles())).toBe(false);
});
