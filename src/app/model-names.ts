import type { AliasTable } from "../models/alias.ts";
import { createListedModels } from "../models/alias-models.ts";
import { createAliasTable } from "../models/alias-table.ts";
import type { ModelCatalog } from "../models/catalog.ts";
import type { UnifiedModel } from "../models/unified-model.ts";
import type { AppSettings } from "./options.ts";

/** Under which names models can be asked for. */
export interface ModelNames {
  readonly aliases: AliasTable;
  /** The catalog's models and the aliases, as lists show them. */
  readonly listedModels: () => readonly UnifiedModel[];
}

export function createModelNames({ config }: AppSettings, catalog: ModelCatalog): ModelNames {
  const aliases = createAliasTable(config.model_aliases);
  return { aliases, listedModels: createListedModels(catalog, aliases) };
}
