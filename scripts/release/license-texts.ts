import { resolve } from "node:path";

const folder = resolve(import.meta.dir, "../../node_modules/spdx-license-list/licenses");

/** The usual text of a license. @param id as in the list of SPDX @throws Error for an id that is not in it */
export async function licenseText(id: string): Promise<string> {
  const file = Bun.file(`${folder}/${id}.json`);
  if (!(await file.exists())) throw new Error(`No license "${id}" in the list of SPDX`);
  const { licenseText }: { readonly licenseText: string } = await file.json();
  return licenseText.trim();
}
