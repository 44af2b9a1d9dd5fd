import { describe } from "vitest";
import { mutationRuns } from "./run.js";
import { certificates } from "./messages/subjects.js";

describe("mutants are decoded as by a second reading, or refused with reason and place", () => {
  mutationRuns(certificates);
});
