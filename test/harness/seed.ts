/**
 * A run draws the same cases as the one before it, so that whatever fails was made by the change that is tested.
 * `LANEKEEPER_SEED` names other cases; a property that names a seed itself keeps it.
 *
 * A vitest setup file. To load fast-check takes a process some 30 ms.
 */
import * as fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["LANEKEEPER_SEED"] ?? 1) });
