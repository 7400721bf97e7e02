import { type ParentContext, sampledFlag } from "./trace-context.ts";

export interface SamplerSettings {
  /** Share of the traces that are recorded, 0 to 1. */
  readonly ratio: number;
  /** Whether what the caller has decided is kept to; the ratio is then for requests without a caller that traces. */
  readonly isParentBased: boolean;
}

export type Sampler = (traceId: string, parent: ParentContext | undefined) => boolean;

/**
 * Decides by the last 56 bits of the trace id, so that everybody with this rule and the same ratio records the same
 * traces, and everybody with a larger one records those as well.
 */
export function createSampler({ ratio, isParentBased }: SamplerSettings): Sampler {
  const leastRecorded = Math.round((1 - ratio) * 2 ** 52);
  return (traceId, parent) => {
    if (isParentBased && parent !== undefined) return (parent.flags & sampledFlag) !== 0;
    if (ratio >= 1) return true;
    // Of the 56 bits the first 52, which a number can hold.
    return ratio > 0 && Number.parseInt(traceId.slice(18, 31), 16) >= leastRecorded;
  };
}
