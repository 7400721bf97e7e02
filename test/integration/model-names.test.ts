import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { spawnOlla } from "../support/spawn-olla.ts";

test("a models.yaml in OLLA_CONFIG_DIR names what /olla/models lists; its broken section is a warning", async () => {
  const folder = await mkdtemp(join(tmpdir(), "olla-names-"));
  try {
    await writeFile(
      join(folder, "models.yaml"),
      [
        "model_extraction:",
        "  family_patterns: [{ pattern: '^(zebra)-(.+)', family_group: 1, variant_group: 2 }]",
        "capabilities: { name_patterns: [{ pattern: '(', capabilities: [x] }] }",
        "",
      ].join("\n"),
    );
    await using upstream = new FakeUpstream({ models: ["zebra-striped-vision"] });
    await using olla = await spawnOlla(
      { endpoints: [{ name: "one", url: upstream.url, type: "openai" }], readiness: "all-probed" },
      undefined,
      { OLLA_CONFIG_DIR: folder },
    );
    const list = (await (await fetch(`${olla.url}/olla/models`)).json()) as { data: { olla: object }[] };
    expect(list.data[0]?.olla).toMatchObject({ family: "zebra", variant: "striped-vision" });
    expect(list.data[0]?.olla).toHaveProperty("capabilities", expect.arrayContaining(["vision"]));
    expect(olla.output()).toMatch(/models\.yaml:3:\d+ .*name_patterns/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
