export interface BackupDone {
    readonly directory: string;
    readonly number: number;
    readonly lsn: bigint;
    readonly bytes: number;
    readonly copiedBytes: number;
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
export interface KeptLog {
    readonly name: string;
    readonly first: bigint;
    readonly records: readonly Uint8Array[];
    readonly fromBackup: number;
    readonly fromPeers: number;
    readonly lost: {
        readonly first: bigint;
        readonly next: bigint;
    } | undefined;
}
export type LaneMark = z.output<typeof laneMarkSchema>;
export interface PeerAnswer {
    readonly votedNext: bigint;
    readonly laneEnds: ReadonlyMap<LaneId, bigint>;
    readonly heldNext: bigint;
}
export interface PeerHeights {
    readonly raise: Raise;
    readonly isComplete: boolean;
}
export interface Peers {
    readonly block?: (lane: LaneId, number: bigint) => Promise<Uint8Array | undefined>;
    readonly commitQC?: (roadIndex: bigint) => Promise<Uint8Array | undefined>;
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
export interface RepairOptions {
    readonly epochs: readonly Epoch[];
    readonly keys?: readonly KeySource[] | undefined;
    readonly from?: PathInput | undefined;
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
export type VoteMark = z.output<typeof voteMarkSchema>;
export type Watermarks = z.output<typeof schema>;
export declare function backupStore(directory: PathInput, to: PathInput, options?: BackupOptions): Promise<BackupDone>;
export declare function decodeWatermarks(text: string, file: string): Watermarks;
export declare function encodeWatermarks(watermarks: Watermarks): string;
export declare function heightsFromPeers(committee: Committee, own: LaneId, answers: ReadonlyMap<LaneId, PeerAnswer>): PeerHeights | undefined;
export declare function importWatermarks(keeper: Raisable, marks: Watermarks, { reason, signer, takeIncomplete }: ImportChoices): Promise<void>;
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
