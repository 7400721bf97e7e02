import { resolveKindUrl } from "../endpoints/endpoint-url.ts";
import type { Profile } from "../profiles/profile.ts";
import { fallbackProfileName } from "../profiles/profile-set.ts";
import {
  fetchListAnswer,
  type ListAnswer,
  ModelFetchError,
  type ModelFetchOptions,
} from "./fetch-model-list.ts";
import { type KindReading, readAsKind } from "./kind-marks.ts";
import type { Model } from "./model.ts";

export interface DetectedKind {
  readonly profile: Profile;
  readonly models: readonly Model[];
}

export interface DetectKindOptions extends ModelFetchOptions {
  /** The kinds that may be found. */
  readonly profiles: readonly Profile[];
  /** What it was known as. It stays so where the answers neither confirm nor exclude it. */
  readonly known?: Profile;
}

type Answers = ReadonlyMap<string, ListAnswer | ModelFetchError>;

/**
 * Finds out what kind of backend answers at `baseUrl`. Each kind is asked at its own list path, and the one that most
 * speaks for is taken: what the program calls itself, the shape of its list, then a path that nobody else answers,
 * then the kinds' own probes, and at last OpenAI's list, which many kinds have. Between equals the usual port decides,
 * then the order of the profiles. `undefined`: something answers, but with no list of any of these kinds. Throws
 * `ModelFetchError` when nothing answers, or only with an error that hides what is there (401, 500), and when such an
 * error hides whether it still is what it was.
 */
export async function detectKind(
  baseUrl: string,
  options: DetectKindOptions,
): Promise<DetectedKind | undefined> {
  const profiles = options.profiles.filter(canBeFound);
  const listUrl = (profile: Profile) => resolveKindUrl(baseUrl, profile, profile.modelDiscoveryPath);
  const urls = new Set(profiles.map(listUrl));
  const answers: Answers = new Map(
    await Promise.all([...urls].map(async (url) => [url, await fetchOrError(url, options)] as const)),
  );
  const readings = withoutImitations(
    profiles.flatMap((profile) => {
      const answer = answers.get(listUrl(profile));
      if (answer === undefined || answer instanceof ModelFetchError) return [];
      return readAsKind(profile, answer) ?? [];
    }),
  );

  const found = mostMarked(readings, baseUrl) ?? onlyOwnPath(readings, urls.size);
  if (found !== undefined) return toKind(found);
  const probed = await askProbes(readings, baseUrl, options);
  const { known } = options;
  const stayed = readings.find(({ profile }) => profile === known);
  const own = known === undefined ? undefined : answers.get(listUrl(known));
  if (probed.found === undefined && own instanceof ModelFetchError && !meansNoSuchPath(own)) throw own;
  const isOpen = stayed !== undefined && (stayed.models.length === 0 || probed.undecided.includes(stayed));
  const chosen = probed.found ?? (isOpen ? stayed : undefined) ?? readings.find(isFallback);
  if (chosen !== undefined) return toKind(chosen);
  const hidden = [...answers.values()].find(
    (answer) => answer instanceof ModelFetchError && !meansNoSuchPath(answer),
  );
  if (hidden instanceof ModelFetchError) throw hidden;
  return undefined;
}

/** The kind that one given list speaks for, for an endpoint whose list path the user has set. */
export function kindOfList(answer: ListAnswer, profiles: readonly Profile[]): DetectedKind | undefined {
  const readings = profiles.flatMap((profile) => readAsKind(profile, answer) ?? []);
  const found = mostMarked(readings, undefined) ?? readings.find(isFallback);
  return found === undefined ? undefined : toKind(found);
}

/** Whether a list of an endpoint whose kind was found out could as well come from what it was found to be. */
export function isListOf(profile: Profile, answer: ListAnswer, profiles: readonly Profile[]): boolean {
  const own = readAsKind(profile, answer);
  if (own === undefined) return false;
  return !profiles.some((other) => (readAsKind(other, answer)?.score ?? 0) > own.score);
}

/** Lists say nothing of what speaks only Anthropic's API: such a kind is known by a mark of its own, or not at all. */
function canBeFound({ anthropic, ownerMarks, headerMarks, probes }: Profile): boolean {
  return anthropic?.isOnlyDialect !== true || ownerMarks.length + headerMarks.length + probes.length > 0;
}

function toKind({ profile, models }: KindReading): DetectedKind {
  return { profile, models };
}

/**
 * Several programs answer Ollama's path beside OpenAI's. Ollama has the same names at both; the others leave out the
 * tag, or call their one model by their own name. Where both lists are empty only a probe can tell.
 */
function withoutImitations(readings: readonly KindReading[]): readonly KindReading[] {
  const shared = readings.find(isFallback);
  if (shared === undefined) return readings;
  const sharedNames = shared.models.map(({ name }) => name);
  return readings.flatMap((reading) => {
    if (reading.profile.listFormat !== "ollama") return reading;
    if (reading.models.length === 0 && sharedNames.length === 0) return { ...reading, score: 0 };
    const names = new Set(reading.models.map(({ name }) => name));
    const both = sharedNames.filter((name) => names.has(name));
    return both.length > 0 && both.length * 2 >= sharedNames.length ? reading : [];
  });
}

function isFallback({ profile }: KindReading): boolean {
  return profile.name === fallbackProfileName;
}

function mostMarked(readings: readonly KindReading[], baseUrl: string | undefined): KindReading | undefined {
  const port = baseUrl === undefined ? undefined : Number(new URL(baseUrl).port);
  const isAtHome = ({ profile }: KindReading) => port !== undefined && profile.defaultPorts.includes(port);
  return readings
    .filter(({ score }) => score > 0)
    .toSorted(
      (left, right) => right.score - left.score || Number(isAtHome(right)) - Number(isAtHome(left)),
    )[0];
}

/**
 * A list without any mark, at a path that is one kind's own. It counts where OpenAI's path has no list, or where
 * several such paths were asked and only this one had any: some servers answer every path with the same list.
 */
function onlyOwnPath(readings: readonly KindReading[], askedCount: number): KindReading | undefined {
  const telling = readings.filter(
    ({ profile, models }) => profile.listFormat !== "ollama" || models.length > 0,
  );
  const byPath = Map.groupBy(telling, ({ profile }) => profile.modelDiscoveryPath);
  const [own, ...others] = [...byPath.keys()].filter((path) => path !== sharedPath);
  if (own === undefined || others.length > 0) return undefined;
  const isTelling = !byPath.has(sharedPath) || askedCount > 2;
  return isTelling ? byPath.get(own)?.[0] : undefined;
}

/** Where most kinds have their list. */
const sharedPath = "/v1/models";

interface Probed {
  readonly found: KindReading | undefined;
  /** With a probe that failed in a way that says nothing about what is there. */
  readonly undecided: readonly KindReading[];
}

async function askProbes(
  readings: readonly KindReading[],
  baseUrl: string,
  options: ModelFetchOptions,
): Promise<Probed> {
  const verdicts = await Promise.all(
    readings.map(async (reading) => {
      const answers = await Promise.all(
        reading.profile.probes.map(({ path }) =>
          fetchOrError(resolveKindUrl(baseUrl, reading.profile, path), options),
        ),
      );
      const isConfirmed = answers.some(
        (answer, index) =>
          !(answer instanceof ModelFetchError) &&
          new TextDecoder().decode(answer.body).includes(reading.profile.probes[index]?.contains ?? ""),
      );
      const isUndecided = answers.some(
        (answer) => answer instanceof ModelFetchError && !meansNoSuchPath(answer),
      );
      return { reading, isConfirmed, isUndecided };
    }),
  );
  return {
    found: verdicts.find(({ isConfirmed }) => isConfirmed)?.reading,
    undecided: verdicts.filter(({ isUndecided }) => isUndecided).map(({ reading }) => reading),
  };
}

async function fetchOrError(url: string, options: ModelFetchOptions): Promise<ListAnswer | ModelFetchError> {
  try {
    return await fetchListAnswer(url, options);
  } catch (error) {
    if (error instanceof ModelFetchError) return error;
    throw error;
  }
}

function meansNoSuchPath(error: ModelFetchError): boolean {
  return error.status === 404 || error.status === 405 || error.fault === "redirect";
}
