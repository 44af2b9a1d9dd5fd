/** The question before a signature, answered by a service that is not ours, or newer. */
import { expect, test } from "vitest";
import { maySign } from "../../../src/client/calls/signing.js";
import { MaySignResponse } from "../../../src/rpc/api/keeper.js";
import { failureOf } from "../../../src/rpc/failures.js";
import { PersisterError } from "../../../src/types/errors.js";

/** A connection to a service that answers with these fields, as they arrive. */
function answering(fields: Parameters<typeof MaySignResponse.encode>[0]) {
  const answer = MaySignResponse.decode(MaySignResponse.encode(fields));
  const link = { unary: () => Promise.resolve(answer) };
  return { call: (ask: (session: never) => unknown) => ask({ link, fence: 1n } as never) } as never;
}

const place = { kind: "vote", roadIndex: 4n } as const;

test("only a plain yes allows a signature", async () => {
  expect(await maySign(answering({ may: true }), place)).toEqual({ may: true });
  expect(await maySign(answering({}), place)).toMatchObject({ may: false, code: "GUARDED" });
  const refusal = failureOf(new PersisterError("PINNED", "only another one"));
  const refused = await maySign(answering({ refusal, rule: "pinned" }), place);
  expect(refused).toMatchObject({ may: false, code: "PINNED", rule: "pinned" });
});
