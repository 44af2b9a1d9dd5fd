/** The start of a validator that has stored nothing. */
import type { EngineStart } from "../../../src/devnet/protocol/step.js";

export const nothing: EngineStart = {
  lanes: new Map(),
  road: { first: 0n, qcs: [] },
  anchor: undefined,
  votes: undefined,
  abstainThrough: undefined,
  isGuardUnknown: false,
  pins: [],
  tipHash: undefined,
};
