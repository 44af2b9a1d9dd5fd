/** The option `flush`: which way groups go, and the status that tells. */
import { expect, test } from "vitest";
import { Journal } from "../../src/records/journal.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { born, DIRECTORY, PUT, put, refusal, surroundings } from "./kit.js";

const RECORDS = 5;

async function appended(choices: { readonly flush?: "auto" | "async" }): Promise<Journal> {
  const outside = {
    ...surroundings(await born(new SimulatedDisk())),
    flush: () => "blocking" as const,
  };
  const journal = await Journal.openOn(outside, DIRECTORY, { types: [PUT], ...choices });
  for (let record = 0; record < RECORDS; record++) await journal.append(put("text"));
  return journal;
}

test("by itself a journal blocks where its disk is fast, and tells so", async () => {
  await using journal = await appended({});
  expect(journal.flush).toMatchObject({ way: "blocking" });
  expect(journal.flush.blockingGroups).toBeGreaterThanOrEqual(RECORDS);
  expect(journal.flush.longestHoldMs).toBeGreaterThan(0);
});

test("with async it never does, however fast the disk is", async () => {
  await using journal = await appended({ flush: "async" });
  expect(journal.flush).toEqual({ way: "pool", blockingGroups: 0, longestHoldMs: 0 });
});

test("another word is refused", async () => {
  const choices = { types: [PUT], flush: "never" } as unknown as { types: number[] };
  const disk = await born();
  await refusal(Journal.openOn(surroundings(disk), DIRECTORY, choices), "USAGE");
});
