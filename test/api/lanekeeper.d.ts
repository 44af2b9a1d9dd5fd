export interface CodeFacts {
    readonly exit: number;
    readonly status: "CANCELLED" | "INVALID_ARGUMENT" | "NOT_FOUND" | "ALREADY_EXISTS" | "PERMISSION_DENIED" | "RESOURCE_EXHAUSTED" | "FAILED_PRECONDITION" | "ABORTED" | "OUT_OF_RANGE" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS" | "UNAUTHENTICATED";
    readonly meaning: string;
    readonly remedy: string;
    readonly never: string;
}
export declare class Committee {
    #private;
    readonly members: readonly Member[];
    readonly total: bigint;
    readonly faulty: bigint;
    readonly commitQuorum: bigint;
    readonly laneQuorum: bigint;
    private constructor();
    static genesis(weights: readonly Weighted[]): Committee;
    after(epochIndex: bigint, weights: readonly Weighted[]): Committee;
    get fingerprint(): Uint8Array;
    memberOf(key: Uint8Array): Member | undefined;
    memberOfLane(lane: LaneId): Member | undefined;
    leader(view: Pick<View, "index" | "number">): Member;
}
export interface DurableBlock {
    readonly lane: LaneId;
    readonly number: bigint;
    readonly headerHash: Uint8Array;
}
export interface Epoch {
    readonly index: bigint;
    readonly firstRoad: bigint;
    readonly nextRoad: bigint;
    readonly committee: Committee;
}
export type EpochOf = (epochIndex: bigint) => Epoch | undefined;
export type ErrorCode = keyof typeof table;
export interface ErrorFacts {
    readonly lane?: string;
    readonly blockNumber?: bigint;
    readonly roadIndex?: bigint;
    readonly file?: string;
    readonly offset?: number;
    readonly held?: Uint8Array;
    readonly offered?: Uint8Array;
    readonly cause?: unknown;
}
export interface ErrorJson {
    readonly name: string;
    readonly code: ErrorCode;
    readonly message: string;
    readonly cause?: string;
    readonly [fact: string]: unknown;
}
export interface GuardStatus {
    readonly lanes: bigint | "unknown";
    readonly byLane: ReadonlyMap<LaneId, bigint | "unknown">;
    readonly votes: bigint | "unknown";
    readonly standing: readonly ("lanes" | "votes")[];
    readonly by: "restored" | "repaired" | "watermarks" | "peers" | "operator";
    readonly reason: string;
    readonly atMs: number;
}
export interface InitChoices {
    readonly chainId: string;
    readonly segmentBytes?: number;
}
export declare class InvariantError extends LanekeeperError {
    constructor(message: string);
}
export interface Keeper extends AsyncDisposable {
    readonly recovery: Recovery;
    readonly closed: boolean;
    pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult>;
    nextBlock(lane: LaneId): Promise<{
        readonly number: bigint;
        readonly parentHash: Uint8Array | undefined;
    }>;
    pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void>;
    pushAnchor(anchor: PruneAnchor): Promise<void>;
    pushLaneQC(qc: LaneQC): Promise<void>;
    release(lane: LaneId, number: bigint, reason: string): Promise<void>;
    releases(): Promise<readonly Release[]>;
    maySign(place: Place): MaySign | Promise<MaySign>;
    reserved(place: Place, options?: WaitOptions): Promise<void>;
    takeReservations(why: TakeReason, options?: WaitOptions): Promise<void>;
    raiseGuard(raise: Raise, why: {
        readonly by: "watermarks" | "peers" | "operator";
        readonly reason: string;
    }): Promise<void>;
    dropLanesExcept(keep: ReadonlySet<LaneId>, options?: {
        readonly dropAll?: boolean | undefined;
    }): Promise<void>;
    waitForBlock(lane: LaneId, number: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;
    waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;
    waitForAnchor(index: bigint, options?: WaitOptions): Promise<void>;
    sync(options?: WaitOptions): Promise<void>;
    durableBlocks(options?: WaitOptions & {
        readonly from?: ReadonlyMap<LaneId, bigint> | undefined;
    }): AsyncGenerator<DurableBlock>;
    durableCommitQCs(options?: WaitOptions & {
        readonly from?: bigint | undefined;
    }): AsyncGenerator<{
        readonly roadIndex: bigint;
        readonly bytes: Uint8Array;
    }>;
    readBlock(lane: LaneId, number: bigint): Promise<Uint8Array>;
    readCommitQC(index: bigint): Promise<Uint8Array>;
    readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined>;
    readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined>;
    retainedBlocks(lane: LaneId, range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    retainedCommitQCs(range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void>;
    on<Kind extends keyof KeeperEvents>(kind: Kind, listener: (facts: KeeperEvents[Kind]) => unknown): () => void;
    status(): Status;
    close(): Promise<void>;
}
export type KeeperEvent = keyof KeeperEvents;
export interface KeeperEvents {
    readonly poisoned: {
        readonly error: PersisterError;
    };
    readonly stalled: {
        readonly error: PersisterError;
    };
    readonly laneRefused: {
        readonly lane: LaneId;
        readonly error: PersisterError;
    };
    readonly blockDropped: {
        readonly lane: LaneId;
        readonly number: bigint;
        readonly reason: string;
    };
    readonly pinned: {
        readonly lane: LaneId;
        readonly number: bigint;
    };
    readonly unreserved: {
        readonly error: LanekeeperError;
    };
    readonly anchor: {
        readonly roadIndex: bigint;
    };
    readonly mapRebuilt: {
        readonly reason: string;
    };
    readonly mapWarning: {
        readonly reason: string;
    };
    readonly archiveRefused: {
        readonly log: LaneId | "road";
        readonly error: PersisterError;
    };
    readonly archiveFailing: {
        readonly error: PersisterError;
    };
    readonly archiveMissed: {
        readonly log: LaneId | "road";
        readonly records: bigint;
    };
    readonly listenerFailed: {
        readonly error: PersisterError;
    };
    readonly closed: {
        readonly error: PersisterError | undefined;
    };
}
export type LaneId = string & {
    readonly [laneBrand]: "LaneId";
};
export interface LaneStatus extends QueueStatus {
    readonly lag: bigint;
    readonly capacityLeft: bigint;
    readonly oldestWaitingMs: number;
    readonly pinned: readonly bigint[];
    readonly refused?: PersisterError;
}
export declare class Lanekeeper implements Keeper {
    #private;
    readonly recovery: Recovery;
    private constructor();
    static init(directory: PathInput, choices: InitChoices): Promise<void>;
    static open(directory: PathInput, choices: OpenChoices): Promise<Lanekeeper>;
    static openMemory(choices: OpenChoices): Promise<Lanekeeper>;
    pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult>;
    nextBlock(lane: LaneId): ReturnType<Keeper["nextBlock"]>;
    pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void>;
    pushAnchor(anchor: PruneAnchor): Promise<void>;
    pushLaneQC(qc: LaneQC): Promise<void>;
    release(lane: LaneId, number: bigint, reason: string): Promise<void>;
    releases(): Promise<readonly Release[]>;
    maySign(place: Place): MaySign;
    reserved(place: Place, options?: WaitOptions): Promise<void>;
    takeReservations(why: TakeReason, options?: WaitOptions): Promise<void>;
    raiseGuard(raise: Raise, why: {
        readonly by: "watermarks" | "peers" | "operator";
        readonly reason: string;
    }): Promise<void>;
    dropLanesExcept(keep: ReadonlySet<LaneId>, options?: {
        readonly dropAll?: boolean | undefined;
    }): Promise<void>;
    waitForBlock(lane: LaneId, number: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;
    waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;
    waitForAnchor(index: bigint, options?: WaitOptions): Promise<void>;
    durableBlocks(options?: WaitOptions & {
        readonly from?: ReadonlyMap<LaneId, bigint> | undefined;
    }): AsyncGenerator<DurableBlock>;
    durableCommitQCs(options?: WaitOptions & {
        readonly from?: bigint | undefined;
    }): AsyncGenerator<{
        readonly roadIndex: bigint;
        readonly bytes: Uint8Array;
    }>;
    sync(options?: WaitOptions): Promise<void>;
    readBlock(lane: LaneId, number: bigint): Promise<Uint8Array>;
    readCommitQC(index: bigint): Promise<Uint8Array>;
    readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined>;
    readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined>;
    retainedBlocks(lane: LaneId, range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    retainedCommitQCs(range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void>;
    rotateKey(key: KeySource): Promise<void>;
    waitForRotation(options?: WaitOptions): Promise<void>;
    backup(to: PathInput, options?: BackupOptions): Promise<BackupDone>;
    on<Kind extends keyof KeeperEvents>(kind: Kind, listener: (facts: KeeperEvents[Kind]) => unknown): () => void;
    status(): Status;
    get closed(): boolean;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
export declare abstract class LanekeeperError extends Error {
    readonly code: ErrorCode;
    toJSON(): ErrorJson;
}
export interface LogEntry {
    readonly level: "error" | "warn" | "info";
    readonly event: KeeperEvent;
    readonly facts: Readonly<Record<string, unknown>>;
}
export type MaySign = {
    readonly may: true;
} | {
    readonly may: false;
    readonly code: ErrorCode;
    readonly rule: string;
    readonly text: string;
};
export type Measure = "groupMs" | "groupRecords" | "groupBytes" | "markMs" | "anchorSlotMs" | "voteSlotMs" | "blockAckMs" | "commitQCAckMs" | "anchorAckMs" | "voteAckMs" | "blockVerifyMs" | "commitQCVerifyMs" | "anchorVerifyMs" | "laneQCVerifyMs" | "archiveObjectMs";
export interface Member extends Weighted {
    readonly joined: bigint;
    readonly lane: LaneId;
}
export type Observe = (measure: Measure, value: number) => void;
export interface OpenChoices extends InitChoices, OpeningChoices {
    readonly epochOf: EpochOf;
    readonly retainBytes?: number;
    readonly cacheBytes?: number;
    readonly flush?: Flush;
    readonly verifier?: Verifier;
    readonly log?: (entry: LogEntry) => void;
    readonly keys?: KeyChoices | undefined;
    readonly archive?: ArchiveToChoices | undefined;
    readonly observe?: Observe;
    readonly moved?: boolean;
    readonly reserve?: {
        readonly at: string;
        readonly validator: Uint8Array;
        readonly places?: number | undefined;
        readonly remote?: boolean | undefined;
    } | undefined;
}
export declare class PersisterError extends LanekeeperError implements ErrorFacts {
    readonly lane?: string;
    readonly blockNumber?: bigint;
    readonly roadIndex?: bigint;
    readonly file?: string;
    readonly offset?: number;
    readonly held?: Uint8Array;
    readonly offered?: Uint8Array;
    constructor(code: ErrorCode, message: string, facts?: ErrorFacts);
}
export interface PinnedNumber {
    readonly lane: LaneId;
    readonly number: bigint;
    readonly headerHash: Uint8Array;
}
export type Place = 
{
    readonly kind: "block";
    readonly lane: LaneId;
    readonly number: bigint;
    readonly headerHash?: Uint8Array | undefined;
}
| {
    readonly kind: "laneVote";
    readonly lane: LaneId;
    readonly number: bigint;
    readonly headerHash: Uint8Array;
}
| {
    readonly kind: "vote";
    readonly roadIndex: bigint;
}
| {
    readonly kind: "appVote";
    readonly roadIndex: bigint;
};
export type PushResult = {
    readonly status: "admitted";
} | {
    readonly status: "dropped";
    readonly reason: string;
};
export interface QueueStatus extends Range {
    readonly durable: bigint;
}
export interface Raise {
    readonly lanes?: bigint | undefined;
    readonly byLane?: ReadonlyMap<LaneId, bigint> | undefined;
    readonly votes?: bigint | undefined;
}
export interface Range {
    readonly first: bigint;
    readonly next: bigint;
}
export interface Recovery {
    readonly lanes: ReadonlyMap<LaneId, Range>;
    readonly road: Range;
    readonly anchor: PruneAnchor | undefined;
    readonly pins: readonly PinnedNumber[];
    readonly voteState: Uint8Array | undefined;
    readonly abstainThrough: bigint | undefined;
    readonly guards: GuardStatus | undefined;
    readonly foreign: readonly string[];
    readonly warnings: readonly string[];
    readonly recordsRead: number;
    readonly bytesWrittenAgain: number;
    readonly generation: bigint;
    readonly durationMs: number;
    readonly steps: readonly {
        readonly name: string;
        readonly ms: number;
    }[];
}
export interface Release {
    readonly lane: LaneId;
    readonly number: bigint;
    readonly headerHash: string;
    readonly reason: string;
    readonly atMs: number;
}
export interface ReservationStatus {
    readonly at: string;
    readonly machine: string;
    readonly state: "opening" | "holding" | "standing by";
    readonly holder: string | undefined;
    readonly places: ReadonlyMap<string, {
        readonly first: bigint;
        readonly next: bigint;
    }>;
    readonly puts: number;
    readonly failures: number;
    readonly failure: LanekeeperError | undefined;
}
export interface Status {
    readonly directory: string;
    readonly chainId: string;
    readonly storeId: string;
    readonly durable: boolean;
    readonly lanes: ReadonlyMap<LaneId, LaneStatus>;
    readonly road: QueueStatus;
    readonly retained: {
        readonly lanes: ReadonlyMap<LaneId, Range>;
        readonly road: Range;
    };
    readonly anchorRoadIndex: bigint | undefined;
    readonly anchorAgeMs: number;
    readonly anchor: PruneAnchor | undefined;
    readonly latestCommitQC: CommitQC | undefined;
    readonly epochIndex: bigint;
    readonly pins: readonly PinnedNumber[];
    readonly guards: GuardStatus | undefined;
    readonly reservations: ReservationStatus | undefined;
    readonly disk: {
        readonly slots: number;
        readonly free: number;
        readonly bytes: number;
        readonly segments: Readonly<Record<"current" | "sealed" | "retained" | "free", {
            readonly slots: number;
            readonly bytes: number;
        }>>;
        readonly liveBytes: number;
        readonly reclaimableBytes: number;
        readonly retainedBytes: number;
    };
    readonly flush: FlushStatus;
    readonly keys: readonly KeyUse[];
    readonly cachedBytes: number;
    readonly verified: VerifierCounts;
    readonly counters: {
        readonly groups: number;
        readonly records: number;
        readonly bytes: number;
        readonly rotations: number;
        readonly relocated: number;
        readonly droppedBlocks: number;
        readonly cacheHits: number;
        readonly cacheMisses: number;
        readonly mapRebuilds: number;
        readonly mapWarnings: number;
        readonly listenerFailures: number;
    };
    readonly archive: ArchiveStatus | undefined;
    readonly stalled: PersisterError | undefined;
    readonly poison: PersisterError | undefined;
    readonly recovery: Recovery;
    readonly mapWarnings: readonly string[];
}
export interface TakeReason {
    readonly reason: string;
    readonly first?: boolean | undefined;
    readonly ended?: bigint | undefined;
}
export declare class Verifier implements AsyncDisposable {
    #private;
    constructor(choices?: VerifierOptions);
    verifyVote(sig: Signature, digest: Uint8Array, committee: Committee, options?: VerifyOptions): Promise<void>;
    verifySignedBlock(signed: SignedBlock, committee: Committee, options?: VerifyOptions): Promise<void>;
    verifySignedBlockAtOnce(signed: SignedBlock, committee: Committee): void;
    verifyLaneQC(qc: LaneQC, committee: Committee, options?: VerifyOptions): Promise<void>;
    verifyAppQC(qc: AppQC, committee: Committee, options?: VerifyOptions): Promise<void>;
    verifyCommitQC(qc: CommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void>;
    verifyPrepareQC(qc: PrepareQC, epoch: Epoch, options?: VerifyOptions): Promise<void>;
    verifyFullCommitQC(full: FullCommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void>;
    verifyTimeoutQC(qc: TimeoutQC, epoch: Epoch, previous: CommitQC | undefined, options?: VerifyOptions): Promise<void>;
    verifyFullProposal(full: FullProposal, start: ViewStart, options?: VerifyOptions): Promise<void>;
    verifyAnchor(anchor: PruneAnchor, epochOf: EpochOf, options?: VerifyOptions): Promise<void>;
    get counts(): VerifierCounts;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
export interface WaitOptions {
    readonly signal?: AbortSignal | undefined;
}
export declare const errorCodes: Readonly<Record<ErrorCode, CodeFacts>>;
export declare function laneId(value: string): LaneId;
