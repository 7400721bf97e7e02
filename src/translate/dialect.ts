/** The API that a client speaks: decides how errors are written. */
export type Dialect = "openai" | "anthropic" | "ollama";
