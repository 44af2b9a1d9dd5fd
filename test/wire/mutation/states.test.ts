import { describe } from "vitest";
import { mutationRuns } from "./run.js";
import { states } from "./messages/subjects.js";

describe("mutants are decoded as by a second reading, or refused with reason and place", () => {
  mutationRuns(states);
});
