import text from "../../../docs/openapi.json" with { type: "text" };

/** Apart, so that it takes no memory before it is asked for. */
export const apiDocumentText: string = text as unknown as string;
