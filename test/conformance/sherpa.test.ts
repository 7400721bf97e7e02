import { runEngineCases } from "./run-engine-cases.ts";

runEngineCases("sherpa");
