export interface Availability {
    readonly road: HeldRange;
    readonly latestCommitQC: CommitQC | undefined;
    readonly lanes: ReadonlyMap<LaneId, HeldRange>;
    readonly names: readonly string[];
}
export interface AvailabilityContext {
    readonly latest: Epoch;
    readonly epochOf: EpochOf;
    readonly anchor?: CommitQC;
}
export interface Cut {
    readonly path: string;
    readonly offset: number;
    readonly bytes: number;
    readonly detail: string;
}
export interface DamagedSlot {
    readonly slot: "a" | "b";
    readonly reason: string;
    readonly mayBeNewer: boolean;
}
export interface ForeignEntry {
    readonly path: string;
    readonly older: boolean;
}
export interface HeldRange {
    readonly first: bigint;
    readonly next: bigint;
}
export type ImportItem = LogItem<VerifiedCommitQC | VerifiedBlock> | VerifiedVotes
| {
    readonly kind: "foreign";
    readonly entry: ForeignEntry;
};
export interface ImportOptions {
    readonly epochOf: EpochOf;
    readonly start?: ImportStart;
}
export interface ImportRefusal {
    readonly reason: ImportRefusalReason;
    readonly detail: string;
    readonly lane: LaneId | undefined;
    readonly number: bigint | undefined;
    readonly index: bigint | undefined;
    readonly file: string | undefined;
    readonly offset: number | undefined;
    readonly cause: unknown;
}
export type ImportRefusalReason = 
StateErrorClass
| VerifyErrorClass
| "wrong_lane"
| "wrong_number"
| "other_proposal"
| "after_refused"
| "two_directories"
| "unknown_field";
export type ImportStart = "zero" | "any" | PruneAnchor;
export type LogItem<Taken> = Taken | RefusedItem | {
    readonly kind: "log";
    readonly summary: LogSummary;
};
export interface LogSummary {
    readonly lane: LaneId | undefined;
    readonly directory: string;
    readonly taken: number;
    readonly first: bigint | undefined;
    readonly refused: number;
    readonly below: number;
    readonly discarded: number;
    readonly cuts: readonly Cut[];
    readonly pastEpoch: bigint | undefined;
}
export interface RefusedItem {
    readonly kind: "refused";
    readonly refusal: ImportRefusal;
}
export interface StateContents {
    readonly lanes: Iterable<readonly [LaneId, AsyncIterable<SignedBlock> | Iterable<SignedBlock>]>;
    readonly commitQCs: AsyncIterable<CommitQC> | Iterable<CommitQC>;
    readonly votes?: PersistedInner;
}
export declare class StateError extends LanekeeperError {
    readonly errorClass: StateErrorClass;
    readonly file?: string;
    readonly offset?: number;
    readonly lane?: string;
    readonly number?: bigint;
    constructor(errorClass: StateErrorClass, detail: string, facts?: StateErrorFacts);
}
export type StateErrorClass = (typeof stateErrorClasses)[number];
export interface StateErrorFacts {
    readonly file?: string;
    readonly offset?: number;
    readonly lane?: string;
    readonly number?: bigint;
    readonly cause?: unknown;
}
export interface VerifiedBlock {
    readonly kind: "block";
    readonly lane: LaneId;
    readonly number: bigint;
    readonly block: SignedBlock;
    readonly headerHash: Uint8Array;
}
export interface VerifiedCommitQC {
    readonly kind: "commitQC";
    readonly index: bigint;
    readonly qc: CommitQC;
}
export interface VerifiedVotes {
    readonly kind: "votes";
    readonly votes: PersistedInner;
    readonly message: Uint8Array;
    readonly roadIndex: bigint;
    readonly damaged: DamagedSlot | undefined;
}
export declare function availabilityOf(directory: PathInput, context: AvailabilityContext): Promise<Availability>;
export declare function importSeiDirectory(directory: PathInput, options: ImportOptions): AsyncGenerator<ImportItem, void, void>;
export declare function writeSeiDirectory(directory: PathInput, contents: StateContents): Promise<void>;
