/** What the end of a command tells the script that started it. Shown by `olla --help` and in docs/terminal.md. */
export const exitCodes = {
  0: { name: "done", meaning: "it is done, or Olla was told to stop and did" },
  1: { name: "failed", meaning: "it could not be done; standard error says why" },
  2: { name: "wrong usage", meaning: "there is no such command, option or value" },
} as const;

/** For arguments that make no sense. */
export const wrongUsage = 2 satisfies keyof typeof exitCodes;
