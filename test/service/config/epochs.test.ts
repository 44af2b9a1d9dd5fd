/** The epochs of a service, and the committee file that they come from. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Epochs } from "../../../src/service/config/epochs.js";
import { refusal } from "../../node/kit.js";
import { temporaryFolder } from "../running.js";

const key = (fill: number): string => Buffer.alloc(32, fill).toString("hex");
const first = {
  index: 0,
  firstRoad: 0,
  nextRoad: null,
  members: [{ key: key(1), weight: 1 }],
};

async function fileOf(): Promise<string> {
  const file = join(await temporaryFolder(), "committee.json");
  await writeFile(file, JSON.stringify({ epochs: [first] }));
  return file;
}

const second = {
  index: 1n,
  firstRoad: 500n,
  nextRoad: undefined,
  members: [
    { key: Buffer.alloc(32, 1), weight: 1n },
    { key: Buffer.alloc(32, 2), weight: 3n },
  ],
};

test("an epoch that is added ends the one before it, and is in the file", async () => {
  const file = await fileOf();
  const epochs = await Epochs.read(file);
  const added = await epochs.add(second);
  expect(added.committee.members.map(({ joined }) => joined)).toEqual([0n, 1n]);
  expect(epochs.epochOf(0n)?.nextRoad).toBe(500n);
  expect((await Epochs.read(file)).all).toEqual(epochs.all);
  const [member] = added.committee.members;
  expect(member && epochs.memberOf(1n, member.lane)).toBe(0);
});

test("an epoch that does not follow the last one is refused, and the file is as it was", async () => {
  const file = await fileOf();
  const before = await readFile(file, "utf8");
  const epochs = await Epochs.read(file);
  await refusal(epochs.add({ ...second, index: 4n }), "USAGE");
  expect(await readFile(file, "utf8")).toBe(before);
  expect(epochs.all).toHaveLength(1);
  await refusal(new Epochs(epochs.all).add(second), "USAGE");
});

test("of two epochs that come at once for one place one is added, and the file is what counts", async () => {
  const file = await fileOf();
  const epochs = await Epochs.read(file);
  const other = { ...second, firstRoad: 900n };
  const outcomes = await Promise.allSettled([epochs.add(second), epochs.add(other)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(outcomes[1]).toMatchObject({ reason: { code: "USAGE" } });
  expect(epochs.all).toHaveLength(2);
  expect((await Epochs.read(file)).all).toEqual(epochs.all);
});

test("a file that became wrong changes nothing at a reload", async () => {
  const file = await fileOf();
  const epochs = await Epochs.read(file);
  await writeFile(file, "{");
  await refusal(epochs.reload(), "USAGE");
  expect(epochs.all).toHaveLength(1);
});
