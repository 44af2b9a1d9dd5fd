/**
 * `OperatorService`. A decision is on record in the store, with its author and its reason, before it takes
 * effect: whoever looks at an equivocation later finds who decided, and why.
 */
import { type OperatorService, OperatorService as service } from "../../rpc/api/operator.js";
import { laneBytes } from "../../rpc/failures.js";
import type { Decoded, Encodable } from "../../rpc/message.js";
import type { Epoch as EpochForm, Reason } from "../../rpc/api/operator.js";
import type { GuardsLaneHeight } from "../../rpc/api/types.js";
import { fromMs } from "../../rpc/times.js";
import type { RaiseReason } from "../../persist/guards/guards.js";
import { REASON_CHARS_MAX, reasonArgument } from "../../types/arguments.js";
import { PersisterError } from "../../types/errors.js";
import { withJson } from "../../types/json.js";
import type { LaneId } from "../../types/lane.js";
import { U64_MAX } from "../../types/numbers.js";
import type { Epoch } from "../../wire/committee.js";
import { forDeciders, forOperators, forReaders } from "../access/caller.js";
import type { KeyId } from "../../keys/key.js";
import type { Epochs } from "../config/epochs.js";
import { type Level, levels } from "../config/levels.js";
import type { ServiceLog } from "../config/log.js";
import type { StoreKeys } from "../config/store-keys.js";
import type { Served } from "./adapter.js";
import { backupAnswers } from "./answers/backup.js";
import type { Call, Handlers } from "./call.js";
import type { Home } from "./home.js";
import { laneArgument, nameArgument } from "./keeper/arguments.js";
import { keyUseForm } from "./status-form.js";
import { verifyAnswers } from "./answers/verify.js";

/** The parts of a service that an operator controls. */
export interface Controls {
  readonly epochs: Epochs;
  readonly keys: StoreKeys | undefined;
  readonly log: ServiceLog;
  readonly directory: string;
  readonly drain: () => void;
}

export function operatorServed(
  home: Home,
  controls: Controls,
): Served<typeof OperatorService.methods> {
  return {
    service,
    handlers: { ...listHandlers(home, controls), ...decisionHandlers(home, controls) },
    allowed: {
      releasePin: forDeciders,
      listReleases: forReaders,
      raiseGuard: forDeciders,
      takeReservations: forDeciders,
      dropLanesExcept: forDeciders,
      listEpochs: forReaders,
      addEpoch: forDeciders,
      verify: forOperators,
      backup: forOperators,
      drain: forOperators,
      setLogLevel: forOperators,
      rotateKey: forOperators,
      listKeys: forReaders,
      listDecisions: forReaders,
    },
  };
}

type All = Handlers<typeof OperatorService.methods>;
type Lists = "listReleases" | "listEpochs" | "listDecisions" | "listKeys" | "verify" | "backup";

function listHandlers(home: Home, { epochs, keys, directory }: Controls): Pick<All, Lists> {
  return {
    listReleases: async () => {
      const releases = await home.open().keeper.releases();
      return {
        releases: releases.map(({ lane, number, headerHash, reason, atMs }) => ({
          lane: laneBytes(lane),
          blockNumber: number,
          headerHash: Buffer.from(headerHash, "hex"),
          reason,
          at: fromMs(atMs),
        })),
      };
    },
    listEpochs: async () => ({ epochs: epochs.all.map(epochForm) }),
    listDecisions: async () => {
      const decisions = await home.open().keeper.notes.decisions.list();
      return {
        decisions: decisions.map(({ action, about, who, why, atMs }) => {
          return { action, about, reason: { who, why }, at: fromMs(atMs) };
        }),
      };
    },
    listKeys: () => {
      const stores = keys?.uses ?? [];
      const forms = stores.map(({ store, keys: uses }) => ({ store, keys: uses.map(keyUseForm) }));
      return Promise.resolve({ stores: forms });
    },
    verify: (_, call) => verifyAnswers(home, { epochs: epochs.all, directory }, call.signal),
    backup: (request, call) => backupAnswers(home, request, call.signal),
  };
}

/** Puts a decision on record; durable when resolved. Returns the reason and its author, as a store notes them. */
type Decide = (
  action: string,
  about: string,
  reason: Decoded<typeof Reason> | undefined,
  call: Call,
) => Promise<string>;

type Signing = "releasePin" | "raiseGuard" | "takeReservations";

function decisionHandlers(home: Home, controls: Controls): Omit<All, Lists> {
  const { epochs, keys, log, drain } = controls;
  const decided: Decide = async (action, about, reason, { caller }) => {
    const { who, why } = authoredReason(reason, caller.name);
    await home.open().keeper.notes.decisions.append({ action, about, who, why, atMs: Date.now() });
    log.write("warn", "decision", { action, about, who, why });
    return `${why} (${who})`.slice(0, REASON_CHARS_MAX);
  };
  return {
    ...signingHandlers(home, decided),
    dropLanesExcept: async ({ reason, keep, dropAll }, call) => {
      const lanes = new Set(keep.map(laneArgument));
      const about = `all lanes but ${[...lanes].join(", ") || "none"}`;
      await decided("DropLanesExcept", about, reason, call);
      await home.open().keeper.dropLanesExcept(lanes, { dropAll });
      return {};
    },
    addEpoch: async ({ reason, epoch }, call) => {
      if (!epoch) throw new PersisterError("USAGE", "the epoch is missing");
      const about = `epoch ${epoch.index} from road ${epoch.firstRoad}`;
      await decided("AddEpoch", about, reason, call);
      return { epoch: epochForm(await epochs.add(epoch)) };
    },
    drain: async ({ reason }, call) => {
      await decided("Drain", "the service ends", reason, call);
      drain();
      return {};
    },
    rotateKey: async ({ reason }, call) => {
      if (!keys)
        throw new PersisterError("USAGE", "this service was started without settings of keys");
      const decide = async (id: KeyId): Promise<void> => {
        await decided("RotateKey", `key ${id}`, reason, call);
      };
      authoredReason(reason, call.caller.name);
      const { id, changed } = await keys.rotate(decide);
      return { keyId: id, changed };
    },
    setLogLevel: async ({ reason, level }, call) => {
      const next = levelArgument(level);
      await decided("SetLogLevel", level, reason, call);
      const previous = log.level;
      log.level = next;
      return { previous };
    },
  };
}

/** The decisions about what may be signed. */
function signingHandlers(home: Home, decided: Decide): Pick<All, Signing> {
  return {
    releasePin: async ({ reason, lane, blockNumber }, call) => {
      const id = laneArgument(lane);
      const about = `block ${blockNumber} of lane ${id}`;
      const said = await decided("ReleasePin", about, reason, call);
      await home.open().keeper.release(id, blockNumber, said);
      return {};
    },
    raiseGuard: async ({ reason, by, lanes, byLane, votes }, call) => {
      const author = authorArgument(by);
      const raise = { lanes, byLane: new Map(byLane.map(heightArgument)), votes };
      const about = `guards by ${author}: ${JSON.stringify(withJson({ ...raise }))}`;
      const said = await decided("RaiseGuard", about, reason, call);
      await home.open().keeper.raiseGuard(raise, { by: author, reason: said });
      return {};
    },
    takeReservations: async ({ reason, first, ended }, call) => {
      const { keeper } = home.open();
      keeper.refuseWithoutReservations();
      const words = { ...(first ? { first } : {}), ...(ended === undefined ? {} : { ended }) };
      const about = `reservations: ${JSON.stringify(withJson(words))}`;
      const said = await decided("TakeReservations", about, reason, call);
      await keeper.takeReservations({ reason: said, first, ended }, { signal: call.signal });
      return {};
    },
  };
}

/** @throws {PersisterError} USAGE unless somebody says who he is, and why. */
function authoredReason(
  reason: Decoded<typeof Reason> | undefined,
  caller: string,
): { readonly who: string; readonly why: string } {
  const who = nameArgument("reason.who", reason?.who ?? "");
  const why = reasonArgument("reason.why", reason?.why);
  return { who: `${caller}: ${who}`, why };
}

function authorArgument(by: string): RaiseReason["by"] {
  if (by === "watermarks" || by === "peers" || by === "operator") return by;
  throw new PersisterError("USAGE", "by must be watermarks, peers or operator");
}

function heightArgument({ lane, height }: GuardsLaneHeight): [LaneId, bigint] {
  if (height !== undefined) return [laneArgument(lane), height];
  throw new PersisterError("USAGE", "by_lane has a lane without a height");
}

function levelArgument(text: string): Level {
  const level = levels.find((each) => each === text);
  if (level) return level;
  throw new PersisterError("USAGE", `level must be one of ${levels.join(", ")}`);
}

function epochForm({ index, firstRoad, nextRoad, committee }: Epoch): Encodable<typeof EpochForm> {
  return {
    index,
    firstRoad,
    nextRoad: nextRoad === U64_MAX ? undefined : nextRoad,
    members: committee.members.map(({ key, weight, lane }) => {
      return { key, weight, lane: laneBytes(lane) };
    }),
  };
}
