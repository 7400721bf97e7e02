import type { UnifiedModel } from "../../models/unified-model.ts";
import { narrowModel } from "../../models/unify.ts";
import type { ClientKey } from "../../pipeline/client-key.ts";
import { isUnbound } from "../../pipeline/key-models.ts";

/** What a list shows to the holder of a key: nothing that a request with it would be refused. */
export function modelsVisibleTo(
  key: ClientKey | undefined,
  listedModels: () => readonly UnifiedModel[],
): readonly UnifiedModel[] {
  const models = listedModels();
  if (key === undefined || isUnbound(key)) return models;
  return models.flatMap((model) => narrowModel(model, ({ nativeName }) => key.admitsModel(nativeName)) ?? []);
}
