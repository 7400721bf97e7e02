import { type ListFormat, listFormats } from "../../profiles/profile.ts";

/** The shapes that Olla can write a model list in. */
export type ListingFormat = "unified" | ListFormat;
export const listingFormats: readonly ListingFormat[] = ["unified", ...listFormats];

export function parseListingFormat(text: string): ListingFormat | undefined {
  return listingFormats.find((format) => format === text);
}

export interface ListingContext {
  /** Milliseconds since the epoch: stands in for the age of a model whose backend names none, so that lists are stable. */
  readonly processStartedAt: number;
}
