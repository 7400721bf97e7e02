import type { Inspection } from "./inspect.ts";
import type { Prospect } from "./prospect.ts";

/** What a request needs of a model besides text. */
export interface RequestNeeds {
  readonly tools: boolean;
  readonly embeddings: boolean;
  /** Looks through the whole body, so it is asked only where the answer would make a difference. */
  readonly vision: () => boolean;
  /** What `vision` has said; undefined while nobody has asked. */
  readonly knownVision?: boolean | undefined;
}

type Skill = "tools" | "embeddings" | "vision";

/** What is known of a model at an endpoint. */
export interface SkillsView {
  traitsAt(
    endpointName: string,
    nativeName: string,
  ): { readonly skills: Readonly<Record<Skill, "yes" | "no" | "unknown">> } | undefined;
}

const embeddingPath = /\/(?:embeddings|embed)$/;

export function needsOf({ scan, body }: Inspection, upstreamPath: string): RequestNeeds {
  const needs = {
    tools: scan?.hasTools ?? false,
    embeddings: embeddingPath.test(upstreamPath),
    knownVision: undefined as boolean | undefined,
    vision: () => {
      needs.knownVision ??= scan?.isObject === true && body !== undefined && hasImage(body);
      return needs.knownVision;
    },
  };
  return needs;
}

/** What came out, without the body that was looked through. */
export function settle({ tools, embeddings, knownVision }: RequestNeeds): RequestNeeds {
  return { tools, embeddings, knownVision, vision: knownVision === true ? yes : no };
}

const yes = () => true;
const no = () => false;

/** What stands in a body only where an image does; in a text the quotes would have backslashes before them. */
const imageMarks = ['"image_url"', '"input_image"', '"type":"image"', '"type": "image"'].map((mark) =>
  Buffer.from(mark),
);

/** Ollama's list of images, which may be empty. */
const imageLists = ['"images":[', '"images": ['].map((mark) => Buffer.from(mark));

const closingBracket = 0x5d;
const lastSpace = 0x20;

/** Looks through the whole body. */
export function hasImage(body: Uint8Array): boolean {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return imageMarks.some((mark) => text.includes(mark)) || imageLists.some((mark) => hasFullList(text, mark));
}

function hasFullList(text: Buffer, mark: Buffer): boolean {
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + mark.length)) {
    let next = at + mark.length;
    while ((text[next] ?? closingBracket) <= lastSpace) next += 1;
    if ((text[next] ?? closingBracket) !== closingBracket) return true;
  }
  return false;
}

/**
 * Leaves out places that are known not to be up to the request, where another is left. What is not known is no reason
 * to leave anything out; for images what is known to see comes first, because others may answer without having looked.
 */
export function preferCapable(
  prospects: readonly Prospect[],
  needs: RequestNeeds | undefined,
  view: SkillsView,
): readonly Prospect[] {
  if (needs === undefined || prospects.length < 2) return prospects;
  const knows = (skill: Skill) => (prospect: Prospect) => skillAt(prospect, skill, view);
  let left = prospects;
  if (needs.tools) left = withoutUnable(left, knows("tools"));
  if (needs.embeddings) left = withoutUnable(left, knows("embeddings"));

  const sees = knows("vision");
  const [first] = left;
  const makesDifference = first !== undefined && left.some((prospect) => sees(prospect) !== sees(first));
  if (!makesDifference || !needs.vision()) return left;
  left = withoutUnable(left, sees);
  if (!left.some((prospect) => sees(prospect) === "yes")) return left;
  const behind = 1 + Math.max(...left.map(({ rank }) => rank));
  return left.map((prospect) =>
    sees(prospect) === "yes" ? prospect : { ...prospect, rank: prospect.rank + behind },
  );
}

/** Whether the place is known not to be up to the request. */
export function lacksSkill(prospect: Prospect, needs: RequestNeeds, view: SkillsView): boolean {
  const isUnable = (skill: Skill) => skillAt(prospect, skill, view) === "no";
  if (needs.tools && isUnable("tools")) return true;
  if (needs.embeddings && isUnable("embeddings")) return true;
  return isUnable("vision") && needs.vision();
}

type Knowledge = "yes" | "no" | "unknown";

function withoutUnable(
  prospects: readonly Prospect[],
  knows: (prospect: Prospect) => Knowledge,
): readonly Prospect[] {
  const able = prospects.filter((prospect) => knows(prospect) !== "no");
  return able.length > 0 ? able : prospects;
}

function skillAt({ endpoint, nativeName }: Prospect, skill: Skill, view: SkillsView): Knowledge {
  if (nativeName === undefined) return "unknown";
  return view.traitsAt(endpoint.name, nativeName)?.skills[skill] ?? "unknown";
}
