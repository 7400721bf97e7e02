import packageFile from "../../package.json" with { type: "json" };

/** Where people who have only the program can read the docs. */
export const docsHome = `${packageFile.homepage}/blob/main/docs`;
