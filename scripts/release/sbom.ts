import packageFile from "../../package.json" with { type: "json" };
import type { BunContents } from "./bun-contents.ts";
import type { BundledPackage } from "./bundled-packages.ts";

export interface SbomSettings {
  readonly version: string;
  /** When the source was committed. */
  readonly date: Date;
}

/**
 * The list of what is in an Olla, for programs: CycloneDX 1.6 in JSON. It has no serial number, so that the same
 * source gives the same bytes.
 */
export function renderSbom(
  packages: readonly BundledPackage[],
  bun: BunContents,
  { version, date }: SbomSettings,
): string {
  const olla = {
    "bom-ref": "olla",
    type: "application",
    name: "olla",
    version,
    licenses: [{ license: { id: packageFile.license } }],
    externalReferences: [{ type: "website", url: packageFile.homepage }],
  };
  const runtime = {
    "bom-ref": "bun",
    type: "framework",
    name: "bun",
    version: bun.version,
    purl: `pkg:npm/bun@${bun.version}`,
    licenses: [{ license: { id: "MIT" } }],
    components: bun.parts.map(({ name, homepage, licenseIds, copyright }) => ({
      "bom-ref": `bun/${name}`,
      type: "library",
      name,
      licenses: licenseIds.map((id) => ({ license: { id } })),
      copyright,
      externalReferences: [{ type: "website", url: homepage }],
    })),
  };
  const libraries = packages.map(({ name, version, license, homepage }) => {
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    return {
      "bom-ref": purl,
      type: "library",
      name,
      version,
      purl,
      licenses: [{ license: { id: license } }],
      ...(homepage !== undefined && { externalReferences: [{ type: "website", url: homepage }] }),
    };
  });
  const components = [runtime, ...libraries];
  const sbom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { timestamp: date.toISOString(), component: olla },
    components,
    dependencies: [{ ref: olla["bom-ref"], dependsOn: components.map((component) => component["bom-ref"]) }],
  };
  return `${JSON.stringify(sbom, null, 2)}\n`;
}
