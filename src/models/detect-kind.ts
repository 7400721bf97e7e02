import { resolveEndpointUrl } from "../endpoints/endpoint-url.ts";
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
}

type Answers = ReadonlyMap<string, ListAnswer | ModelFetchError>;

/**
 * Finds out what kind of backend answers at `baseUrl`. Each kind is asked at its own list path, and the one that most
 * speaks for is taken: what the program calls itself, the shape of its list, then a path that nobody else answers,
 * then the kinds' own probes, and at last OpenAI's list, which many kinds have. Between equals the usual port decides,
 * then the order of the profiles. `undefined`: something answers, but with no list of any of these kinds. Throws
 * `ModelFetchError` when nothing answers, or only with an error that hides what is there (401, 500).
 */
export async function detectKind(
  baseUrl: string,
  options: DetectKindOptions,
): Promise<DetectedKind | undefined> {
  const listUrl = (profile: Profile) => resolveEndpointUrl(baseUrl, profile.modelDiscoveryPath);
  const urls = new Set(options.profiles.map(listUrl));
  const answers: Answers = new Map(
    await Promise.all([...urls].map(async (url) => [url, await fetchOrError(url, options)] as const)),
  );
  const readings = options.profiles.flatMap((profile) => {
    const answer = answers.get(listUrl(profile));
    if (answer === undefined || answer instanceof ModelFetchError) return [];
    return readAsKind(profile, answer) ?? [];
  });

  const fallback = readings.find(isFallback);
  const found =
    mostMarked(readings, baseUrl) ??
    onlyOwnPath(readings, urls.size) ??
    (await firstProbed(readings, baseUrl, options)) ??
    fallback;
  if (found !== undefined) return { profile: found.profile, models: found.models };
  const hidden = [...answers.values()].find(
    (answer) => answer instanceof ModelFetchError && !meansNoSuchList(answer),
  );
  if (hidden instanceof ModelFetchError) throw hidden;
  return undefined;
}

/** The kind that one given list speaks for, for an endpoint whose list path the user has set. */
export function kindOfList(answer: ListAnswer, profiles: readonly Profile[]): DetectedKind | undefined {
  const readings = profiles.flatMap((profile) => readAsKind(profile, answer) ?? []);
  const found = mostMarked(readings, undefined) ?? readings.find(isFallback);
  return found === undefined ? undefined : { profile: found.profile, models: found.models };
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
  const byPath = Map.groupBy(readings, ({ profile }) => profile.modelDiscoveryPath);
  const [own, ...others] = [...byPath.keys()].filter((path) => path !== sharedPath);
  if (own === undefined || others.length > 0) return undefined;
  const isTelling = !byPath.has(sharedPath) || askedCount > 2;
  return isTelling ? byPath.get(own)?.[0] : undefined;
}

/** Where most kinds have their list. */
const sharedPath = "/v1/models";

async function firstProbed(
  readings: readonly KindReading[],
  baseUrl: string,
  options: ModelFetchOptions,
): Promise<KindReading | undefined> {
  const verdicts = await Promise.all(
    readings.map(async (reading) => {
      const { probes } = reading.profile;
      const answers = await Promise.all(
        probes.map(async ({ path, contains }) => {
          const answer = await fetchOrError(resolveEndpointUrl(baseUrl, path), options);
          return (
            !(answer instanceof ModelFetchError) && new TextDecoder().decode(answer.body).includes(contains)
          );
        }),
      );
      return answers.includes(true);
    }),
  );
  return readings.find((_reading, index) => verdicts[index]);
}

async function fetchOrError(url: string, options: ModelFetchOptions): Promise<ListAnswer | ModelFetchError> {
  try {
    return await fetchListAnswer(url, options);
  } catch (error) {
    if (error instanceof ModelFetchError) return error;
    throw error;
  }
}

function meansNoSuchList(error: ModelFetchError): boolean {
  return error.status === 404 || error.status === 405 || error.fault === "redirect";
}
