import packageFile from "../../package.json" with { type: "json" };

export const projectHome = packageFile.homepage;

/** Where people who have only the program can read the docs. */
export const docsHome = `${projectHome}/blob/main/docs`;
