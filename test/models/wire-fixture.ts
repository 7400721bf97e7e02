/** The body of a captured answer in `test/fixtures/wire/`. */
export async function readWireBody(path: string): Promise<Uint8Array> {
  const capture = await Bun.file(new URL(`../fixtures/wire/${path}`, import.meta.url)).text();
  const blank = /\r?\n\r?\n/.exec(capture);
  if (blank === null) throw new Error(`no blank line after the head in ${path}`);
  return new TextEncoder().encode(capture.slice(blank.index + blank[0].length));
}
