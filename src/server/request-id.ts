const validId = /^[\x21-\x7e]{1,128}$/;

/** The client's own `X-Request-ID` where it is 1 to 128 visible ASCII characters, else a new one. */
export function requestIdFor(offered: string | null): string {
  return offered !== null && validId.test(offered) ? offered : newRequestId();
}

/** Like `calm-otter-1f0c9a7be542`: two words to tell lines apart by eye, 48 random bits to tell requests apart. */
function newRequestId(): string {
  const uuid = crypto.randomUUID();
  const tempo = tempos[Number.parseInt(uuid.slice(0, 2), 16) % tempos.length];
  const animal = animals[Number.parseInt(uuid.slice(2, 4), 16) % animals.length];
  return `${tempo}-${animal}-${uuid.slice(24)}`;
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
