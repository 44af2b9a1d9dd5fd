/** The one way to a view, whatever the target is. */
import type { CliPort } from "../../terminal/port.js";
import { viewOfFiles } from "./files.js";
import type { Target } from "./target.js";
import type { LookChoices, StoreView } from "./view.js";

/** Looks at the target. */
export async function viewOf(
  target: Target,
  choices: LookChoices,
  port: CliPort,
): Promise<StoreView> {
  if (target.kind === "files") return await viewOfFiles(target.directory, choices.key, port);
  const { AskedService } = await import("./asked.js");
  const { viewOfService } = await import("./service.js");
  using asked = await AskedService.at(target.address, choices, port.stop);
  return await viewOfService(asked);
}
