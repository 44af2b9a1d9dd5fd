/** Health v1: each service has a state of its own, told by its full name, and again at each change. */
import {
  type ClientReadableStream,
  credentials,
  makeGenericClientConstructor,
  status,
} from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { expect, onTestFinished, test } from "vitest";
import { Journal } from "../../../src/records/journal.js";
import { journalServed } from "../../../src/service/grpc/stores/journal.js";
import { PersisterError } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import { running } from "../running.js";

const chain = new TestChain(1);
const KEEPER = "lanekeeper.v1.KeeperService";
const OPERATOR = "lanekeeper.v1.OperatorService";
const JOURNAL = "lanekeeper.v1.JournalService";

type Answer = { readonly status: string };
interface HealthClient {
  check(request: object, done: (error: Error | null, answer: Answer) => void): void;
  watch(request: object): ClientReadableStream<Answer>;
  close(): void;
}

const Health = makeGenericClientConstructor(healthService, "Health");

function health(target: string | undefined) {
  const client = new Health(target ?? "", credentials.createInsecure()) as unknown as HealthClient;
  onTestFinished(() => client.close());
  return {
    check: (service: string) =>
      new Promise<string>((resolve, reject) => {
        client.check({ service }, (error, answer) => {
          if (error) reject(error);
          else resolve(answer.status);
        });
      }),
    /** The states of a service as they are told. */
    watch: (service: string) => {
      const states: string[] = [];
      const call = client.watch({ service });
      call.on("data", (answer: Answer) => states.push(answer.status));
      call.on("error", () => undefined);
      onTestFinished(() => call.cancel());
      return states;
    },
  };
}

test("a refused store is not served; its operator and the journal beside it are", async () => {
  const journal = await Journal.openMemory({ types: [1] });
  const beside = { isServing: true };
  const { service } = await running(chain, {
    open: () => Promise.reject(new PersisterError("JOURNAL_CORRUPT", "damaged")),
    others: [
      {
        served: journalServed(journal),
        isServing: () => beside.isServing,
        close: () => journal.close(),
      },
    ],
  });
  const { check, watch } = health(service.targets[0]);
  expect(await check("")).toBe("NOT_SERVING");
  expect(await check(KEEPER)).toBe("NOT_SERVING");
  expect(await check(OPERATOR)).toBe("SERVING");
  expect(await check(JOURNAL)).toBe("SERVING");
  await expect(check("lanekeeper.v1.JobsService")).rejects.toMatchObject({
    code: status.NOT_FOUND,
  });
  const states = watch(JOURNAL);
  await expect.poll(() => states).toEqual(["SERVING"]);
  beside.isServing = false;
  await expect.poll(() => states).toEqual(["SERVING", "NOT_SERVING"]);
  expect(await check(OPERATOR)).toBe("SERVING");
});

test("a watcher hears the state, then of the end, and of nothing between", async () => {
  const { service } = await running(chain);
  const { watch } = health(service.targets[0]);
  const [server, keeper, operator] = [watch(""), watch(KEEPER), watch(OPERATOR)];
  await expect
    .poll(() => [server, keeper, operator])
    .toEqual([["SERVING"], ["SERVING"], ["SERVING"]]);
  // Health is looked at twice a second: three looks that find no change.
  await new Promise((resolve) => setTimeout(resolve, 1600));
  expect([server, keeper, operator]).toEqual([["SERVING"], ["SERVING"], ["SERVING"]]);
  const beganMs = performance.now();
  await service.close();
  // A watch never ends by itself: it does not hold up the end of the service.
  expect(performance.now() - beganMs).toBeLessThan(100_000);
  const ended = ["SERVING", "NOT_SERVING"];
  await expect.poll(() => [server, keeper, operator]).toEqual([ended, ended, ended]);
});
