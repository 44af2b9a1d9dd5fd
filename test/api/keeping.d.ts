export interface BackupDone {
    readonly directory: string;
    readonly number: number;
    readonly lsn: bigint;
    readonly bytes: number;
    readonly copiedBytes: number;
    readonly isLast: boolean;
    readonly takenAtMs: number;
    readonly durationMs: number;
}
export interface BackupOptions {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
    readonly bytesPerSecond?: number | undefined;
    readonly keep?: number | undefined;
}
export interface BackupProgress {
    readonly doneBytes: number;
    readonly totalBytes: number;
    readonly file: string;
}
export interface Finding {
    readonly class: ErrorCode;
    readonly severity: Severity;
    readonly file: string;
    readonly offset?: number | undefined;
    readonly lane?: string | undefined;
    readonly number?: bigint | undefined;
    readonly message: string;
}
export interface FindingReport extends Omit<Finding, "number"> {
    readonly number?: string;
}
export type Height = bigint | "unknown";
export interface Heights {
    readonly lanes: Height;
    readonly byLane: ReadonlyMap<LaneId, Height>;
    readonly votes: Height;
}
export interface ImportChoices {
    readonly reason: string;
    readonly signer?: string | undefined;
    readonly takeIncomplete?: boolean | undefined;
}
export interface InspectChoices {
    readonly keys?: readonly KeySource[] | undefined;
    readonly moved?: boolean | undefined;
    readonly depth?: "forms" | "signatures" | undefined;
    readonly epochs?: readonly Epoch[] | undefined;
    readonly signal?: AbortSignal | undefined;
}
export interface KeptLog {
    readonly name: string;
    readonly first: bigint;
    readonly records: readonly Uint8Array[];
    readonly fromBackup: number;
    readonly fromArchive: number;
    readonly fromPeers: number;
    readonly lost: {
        readonly first: bigint;
        readonly next: bigint;
    } | undefined;
}
export type LaneMark = z.output<typeof laneMarkSchema>;
export interface LogDigest {
    readonly first: string;
    readonly next: string;
    readonly digest: string;
}
export interface LogReport {
    readonly name: string;
    readonly first: string;
    readonly next: string;
    readonly records: number;
    readonly bytes: number;
}
export interface OpenProgress {
    readonly step: RecoveryStep["name"];
    readonly doneBytes: number;
    readonly totalBytes: number;
}
export interface OpeningChoices {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((progress: OpenProgress) => void) | undefined;
}
export interface PeerAnswer {
    readonly votedNext: bigint;
    readonly laneEnds: ReadonlyMap<LaneId, bigint>;
    readonly heldNext: bigint | undefined;
}
export interface PeerHeights {
    readonly raise: Raise;
    readonly isComplete: boolean;
}
export interface Peers {
    readonly block?: (lane: LaneId, number: bigint) => Promise<Uint8Array | undefined>;
    readonly commitQC?: (roadIndex: bigint) => Promise<Uint8Array | undefined>;
    readonly anchor?: () => Promise<Uint8Array | undefined>;
}
export interface Raisable {
    status(): {
        readonly chainId: string;
        readonly guards: Heights | undefined;
    };
    raiseGuard(raise: Raise, why: {
        readonly by: "watermarks";
        readonly reason: string;
    }): Promise<void>;
}
export interface ReadChoices {
    readonly keys?: readonly KeySource[] | undefined;
    readonly signal?: AbortSignal | undefined;
}
export interface RecoveryStep {
    readonly name: "own" | "judge" | "write again" | "begin" | "map";
    readonly ms: number;
}
export interface RepairOptions {
    readonly epochs: readonly Epoch[];
    readonly keys?: readonly KeySource[] | undefined;
    readonly from?: PathInput | undefined;
    readonly fromArchive?: string | undefined;
    readonly chainId?: string | undefined;
    readonly moved?: boolean | undefined;
    readonly peers?: Peers | undefined;
    readonly apply?: boolean | undefined;
    readonly acceptLoss?: boolean | undefined;
    readonly reason?: string | undefined;
}
export interface RepairPlan {
    readonly logs: readonly KeptLog[];
    readonly anchor: PruneAnchor | undefined;
    readonly vote: Uint8Array | undefined;
    readonly isAnchorLost: boolean;
    readonly isVoteLost: boolean;
    readonly isEndUnknown: boolean;
}
export interface RepairReport {
    readonly findings: readonly Finding[];
    readonly plan: RepairPlan | undefined;
    readonly hasLoss: boolean;
    readonly damaged: string | undefined;
}
export interface RestoreChoices {
    readonly number?: number | undefined;
    readonly guardAlways?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((bytes: number) => void) | undefined;
}
export type Retirement = z.output<typeof schema>;
export type Severity = "error" | "warning";
export interface SnapshotFacts {
    readonly directory: string;
    readonly chainId: string;
    readonly storeId: string;
    readonly takenAtMs: number;
    readonly inUse: "open" | "not seen" | "unknown";
    readonly lanes: ReadonlyMap<LaneId, SnapshotRange>;
    readonly road: SnapshotRange;
    readonly anchor: PruneAnchor | undefined;
    readonly voteState: Uint8Array | undefined;
    readonly pins: readonly {
        readonly lane: string;
        readonly number: bigint;
        readonly headerHash: Uint8Array;
    }[];
    readonly warnings: readonly string[];
}
export interface SnapshotRange {
    readonly first: bigint;
    readonly next: bigint;
}
export interface StoreDigest {
    readonly digest: string;
    readonly chainId: string;
    readonly lanes: readonly (LogDigest & {
        readonly lane: LaneId;
        readonly tip: string | null;
    })[];
    readonly road: LogDigest;
    readonly anchor: {
        readonly roadIndex: string;
        readonly digest: string;
    } | null;
    readonly vote: {
        readonly digest: string;
    } | null;
}
export interface StoreInspection extends StoreReport {
    readonly findings: readonly FindingReport[];
}
export interface StoreReport {
    readonly ok: boolean;
    readonly worst: ErrorCode | null;
    readonly verdict: {
        readonly opens: true;
    } | {
        readonly opens: false;
        readonly class: ErrorCode;
        readonly message: string;
    };
    readonly errors: number;
    readonly warnings: number;
    readonly directory: string;
    readonly depth: "forms" | "signatures" | "committees";
    readonly inUse: "open" | "not seen" | "unknown";
    readonly changedMeanwhile: boolean;
    readonly store: {
        readonly id: string;
        readonly chainId: string;
        readonly createdMs: string;
        readonly format: number;
    } | null;
    readonly mark: {
        readonly sequence: string;
        readonly generation: string;
        readonly headSequence: string;
        readonly ackedLsn: string;
    } | null;
    readonly journal: {
        readonly head: {
            readonly file: string;
            readonly sequence: string;
            readonly generation: string;
        } | null;
        readonly bytes: number;
        readonly slots: number;
        readonly live: number;
        readonly retained: number;
    };
    readonly kind: "validator" | "records";
    readonly lanes: readonly LogReport[];
    readonly road: LogReport | null;
    readonly records: LogReport | null;
    readonly anchor: {
        readonly file: string;
        readonly sequence: string;
        readonly roadIndex: string | null;
    } | null;
    readonly vote: {
        readonly file: string;
        readonly sequence: string;
    } | null;
    readonly pins: readonly {
        readonly lane: string;
        readonly number: string;
        readonly headerHash: string;
    }[];
    readonly diskBytes: number;
    readonly hasIndex: boolean;
    readonly recordsRead: number;
    readonly recordsSealed: number;
    readonly proven: {
        readonly blocks: number;
        readonly commitQCs: number;
    };
}
export declare class StoreSnapshot implements AsyncDisposable {
    #private;
    readonly facts: SnapshotFacts;
    private constructor();
    get closed(): boolean;
    readBlock(lane: LaneId, number: bigint): Promise<Uint8Array>;
    readCommitQC(index: bigint): Promise<Uint8Array>;
    blocks(lane: LaneId, range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    commitQCs(range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
export type VoteMark = z.output<typeof voteMarkSchema>;
export type Watermarks = z.output<typeof schema>;
export declare function backupStore(directory: PathInput, to: PathInput, options?: BackupOptions): Promise<BackupDone>;
export declare function decodeWatermarks(text: string, file: string): Watermarks;
export declare function digestOf(snapshot: StoreSnapshot): Promise<StoreDigest>;
export declare function encodeWatermarks(watermarks: Watermarks): string;
export declare function heightsFromPeers(committee: Committee, own: LaneId, answers: ReadonlyMap<LaneId, PeerAnswer>): PeerHeights | undefined;
export declare function importWatermarks(keeper: Raisable, marks: Watermarks, { reason, signer, takeIncomplete }: ImportChoices): Promise<void>;
export declare function inspectStore(directory: PathInput, choices?: InspectChoices): Promise<StoreInspection>;
export declare function readStore(directory: PathInput, choices?: ReadChoices): Promise<StoreSnapshot>;
export declare function repairStore(directory: PathInput, options: RepairOptions): Promise<RepairReport>;
export declare function restoreStore(from: PathInput, to: PathInput, choices?: RestoreChoices): Promise<{
    readonly guard: "all" | "none";
}>;
export declare function retireStore(directory: PathInput, choices: {
    readonly reason: string;
}): Promise<Retirement>;
export declare function watermarksOf(directory: PathInput, choices?: {
    readonly keys?: readonly KeySource[];
    readonly signer?: string | undefined;
}): Promise<Watermarks>;
