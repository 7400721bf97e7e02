/** These tests need what `npm run test:install` packs, and minutes. */
export const isAskedFor = process.env.OLLA_TEST_INSTALL === "1";

/** To be put behind the name of a suite. */
export const reason = isAskedFor ? "" : " (skipped: run `npm run test:install`)";
