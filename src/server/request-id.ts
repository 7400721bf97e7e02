const validId = /^[\x21-\x7e]{1,128}$/;

/** The client's own `X-Request-ID` where it is 1 to 128 visible ASCII characters, else a new one. */
export function requestIdFor(offered: string | null): string {
  return offered !== null && validId.test(offered) ? offered : newRequestId();
}

/** Like `calm-otter-1f0c9a7be542`: two words to tell lines apart by eye, 48 random bits to tell requests apart. */
function newRequestId(): string {
  if (used === random.length) refill();
  const words = random[used] ?? 0;
  const tempo = tempos[words & 0xf];
  const animal = animals[words >> 4];
  const digits = hexadecimal.slice(2 * used + 2, 2 * (used + idBytes));
  used += idBytes;
  return `${tempo}-${animal}-${digits}`;
}

/** One for the two words, six for the digits. */
const idBytes = 7;
/** Random bytes for many ids at once: asking for each costs more than all else about it. */
const random = new Uint8Array(64 * idBytes);
let hexadecimal = "";
let used = random.length;

function refill(): void {
  crypto.getRandomValues(random);
  hexadecimal = random.toHex();
  used = 0;
}

const tempos = [
  "brisk",
  "calm",
  "eager",
  "easy",
  "fleet",
  "gentle",
  "hasty",
  "idle",
  "lively",
  "nimble",
  "patient",
  "quick",
  "quiet",
  "steady",
  "sudden",
  "swift",
] as const;

const animals = [
  "alpaca",
  "badger",
  "condor",
  "dolphin",
  "falcon",
  "gecko",
  "heron",
  "ibex",
  "lemur",
  "llama",
  "marmot",
  "otter",
  "puma",
  "raven",
  "tapir",
  "vicuna",
] as const;
