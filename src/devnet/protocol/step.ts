/**
 * The inputs and outputs of the engine. The engine decides and never waits: it asks for work in an
 * output, and its host (the validator's process, or a simulated network) tells the end of that work
 * in an input. "The vote state is durable" is such an end, so that no vote can leave before it.
 */
import type { LaneId } from "../../types/lane.js";
import type {
  BlockHeader,
  CommitQC,
  PersistedInner,
  PruneAnchor,
  View,
} from "../../wire/messages.js";
import type { Raise } from "../../persist/guards/heights.js";
import type { Message, PeerStatus } from "./message.js";

/** Votes that a vote state holds, and that may leave once it is durable. */
export type VoteMessage = Extract<
  Message,
  { kind: "proposal" | "prepareVote" | "commitVote" | "timeoutVote" }
>;

/** Everything that a round is about. */
export type RoundMessage = VoteMessage | Extract<Message, { kind: "timeoutQC" }>;

export type Input =
  /** From the validator that owns lane `from`; signatures are verified. */
  | { readonly kind: "message"; readonly from: LaneId; readonly message: Message }
  /** The block was offered for voting: it is durable. The store says whether a vote may be signed. */
  | { readonly kind: "blockDurable"; readonly header: BlockHeader; readonly mayVote: boolean }
  /** A block that a `storeBlock` asked to store was not taken. */
  | { readonly kind: "blockRefused"; readonly lane: LaneId; readonly number: bigint }
  /** The block that a `produce` asked for was made and is on its way to disk. */
  | { readonly kind: "produced"; readonly header: BlockHeader; readonly headerHash: Uint8Array }
  /** The store forbids the block that a `produce` asked for, for now. */
  | { readonly kind: "notProduced" }
  | { readonly kind: "commitQCDurable"; readonly qc: CommitQC }
  | { readonly kind: "commitQCRefused"; readonly index: bigint }
  /** Of an anchor behind `unexecuted` roads, `tipHash` is that of our own lane's last block below it. */
  | {
      readonly kind: "anchorDurable";
      readonly anchor: PruneAnchor;
      readonly tipHash?: Uint8Array | undefined;
    }
  | { readonly kind: "votesDurable"; readonly votes: readonly VoteMessage[] }
  | {
      readonly kind: "executed";
      readonly index: bigint;
      readonly appHash: Uint8Array;
      readonly mayVote: boolean;
    }
  | { readonly kind: "released"; readonly number: bigint }
  /** The time of a view is over. */
  | { readonly kind: "viewOver"; readonly view: View }
  /** Time to ask for missing blocks and QCs, and to tell peers what can be served. */
  | {
      readonly kind: "tick";
      readonly served: PeerStatus;
      /** A guard forbids votes: this validator does not know all that it signed. */
      readonly isGuarded: boolean;
    };

/** The first road that is not executed here, and the hash of the state below it. */
export interface Unexecuted {
  readonly next: bigint;
  readonly parent: Uint8Array;
}

export type Output =
  | { readonly kind: "broadcast"; readonly message: Message }
  | { readonly kind: "send"; readonly to: LaneId; readonly message: Message }
  /**
   * Broadcasts behind the blocks that are being sent. A vote for a block of ours is our word for that block: a peer
   * that has the vote has had the block before, and can give it back to a later life of this validator.
   */
  | { readonly kind: "broadcastBehind"; readonly message: Message }
  /** Sends blocks `[first, next)` as they are stored, retained ones too; to all where no `to`. */
  | {
      readonly kind: "sendBlocks";
      readonly to: LaneId | undefined;
      readonly lane: LaneId;
      readonly first: bigint;
      readonly next: bigint;
    }
  /** Sends a commit QC as it is stored or retained. */
  | { readonly kind: "sendCommitQC"; readonly to: LaneId; readonly index: bigint }
  | { readonly kind: "storeBlock"; readonly message: Extract<Message, { kind: "block" }> }
  | { readonly kind: "storeCommitQC"; readonly qc: CommitQC }
  /** Stores an anchor. Of one that peers have sent, the roads from `unexecuted` on were not executed here. */
  | {
      readonly kind: "storeAnchor";
      readonly anchor: PruneAnchor;
      readonly unexecuted?: Unexecuted | undefined;
    }
  /**
   * Writes the vote state; once it is durable, `votes` come back in `votesDurable`. If the store forbids them,
   * nothing is written, and nothing comes back.
   */
  | {
      readonly kind: "storeVotes";
      readonly state: PersistedInner;
      readonly index: bigint;
      readonly votes: readonly VoteMessage[];
    }
  | { readonly kind: "produce"; readonly number: bigint; readonly parentHash: Uint8Array }
  /** Executes the blocks of `qc`, which are all durable here, on a state with hash `parent`. */
  | { readonly kind: "execute"; readonly qc: CommitQC; readonly parent: Uint8Array }
  | { readonly kind: "startTimer"; readonly view: View }
  /** Raises the guards of the store. Then durable blocks that may be voted for now are offered again. */
  | { readonly kind: "raiseGuard"; readonly raise: Raise; readonly reason: string }
  /** Lifts the pin of our own lane at `number`, for this reason. */
  | { readonly kind: "release"; readonly number: bigint; readonly reason: string };

/** The state that the engine starts from: all that recovery found durable. */
export interface EngineStart {
  readonly lanes: ReadonlyMap<LaneId, RecoveredLane>;
  readonly road: { readonly first: bigint; readonly qcs: readonly CommitQC[] };
  readonly anchor: PruneAnchor | undefined;
  readonly votes: PersistedInner | undefined;
  readonly abstainThrough: bigint | undefined;
  /** The store was restored, and it is not known how far its earlier life went. */
  readonly isGuardUnknown: boolean;
  /** Pinned numbers of our own lane. */
  readonly pins: readonly { readonly number: bigint; readonly headerHash: Uint8Array }[];
  /** The header hash of our own lane's last block, where there is one. */
  readonly tipHash: Uint8Array | undefined;
}

/** A lane's live range, and the headers in it. */
export interface RecoveredLane {
  readonly first: bigint;
  readonly next: bigint;
  readonly headers: readonly BlockHeader[];
  /** Those of them for which the store allows a vote. */
  readonly votable: readonly BlockHeader[];
}
