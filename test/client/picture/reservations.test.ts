import { expect, test } from "vitest";
import { reservationsOf } from "../../../src/client/picture/reservations.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import type { Status } from "../../../src/node/status.js";
import { StoreStatus } from "../../../src/rpc/api/types.js";
import { storeStatusForm } from "../../../src/service/grpc/status-form.js";
import { PersisterError } from "../../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";

const { epochOf } = new TestChain(2);

test("a client is told of the reservations as the store itself tells of them", async () => {
  await using keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
  const told = (reservations: Status["reservations"]): Status["reservations"] => {
    const encoded = StoreStatus.encode(storeStatusForm({ ...keeper.status(), reservations }));
    return reservationsOf(StoreStatus.decode(encoded).reservations);
  };
  const reservations: Status["reservations"] = {
    at: "reservations/a in file:///reservations",
    machine: "ab",
    state: "standing by",
    holder: "cd",
    places: new Map([["road", { first: 3n, next: 70n }]]),
    puts: 4,
    failures: 2,
    failure: new PersisterError("UNRESERVED", "machine cd reserves"),
  };
  expect(told(reservations)).toEqual(reservations);
  const opening = {
    ...reservations,
    state: "opening",
    holder: undefined,
    failure: undefined,
  } as const;
  expect(told(opening)).toEqual(opening);
  expect(told(undefined)).toBeUndefined();
});
