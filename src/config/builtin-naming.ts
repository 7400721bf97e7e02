// Parsed while bundling, so the compiled binary carries it as a plain value.
import builtin from "../../naming/models.yaml";
import { type NamingFault, readNamingSections } from "./naming-sections.ts";
import type { NamingTable } from "./naming-table.ts";

/** The table inside the binary. Throws only when the shipped file is broken, which a test rules out. */
export function builtinNaming(): NamingTable {
  const faults: NamingFault[] = [];
  const table = readNamingSections(builtin, faults);
  const [fault] = faults;
  if (fault !== undefined) throw new Error(`naming/models.yaml: ${fault.path.join(".")}: ${fault.message}`);
  // Complete, or the test of the shipped file fails.
  return table as NamingTable;
}
