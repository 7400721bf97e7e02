export type ModelListFault = "empty" | "not-json" | "broken-json" | "wrong-shape";

/** An answer that is not the model list it should be. The message is for operators and quotes nothing of the body. */
export class ModelListError extends Error {
  readonly fault: ModelListFault;

  constructor(message: string, options: ErrorOptions & { readonly fault: ModelListFault }) {
    super(message, options);
    this.name = "ModelListError";
    this.fault = options.fault;
  }
}
