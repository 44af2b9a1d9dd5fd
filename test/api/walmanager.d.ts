export interface LsnGap {
    readonly first: bigint;
    readonly next: bigint;
}
export interface SegmentFile {
    readonly path: string;
    readonly firstLsn: bigint | undefined;
    readonly sidecar: string;
}
export interface TornTail {
    readonly file: string;
    readonly offset: number;
    readonly bytes: number;
    readonly reason: string;
    readonly hasRecordsBehind: boolean;
}
export interface WalChoices {
    readonly types?: Iterable<number> | undefined;
    readonly unknownOptional?: "skip" | "keep" | undefined;
    readonly keys?: readonly KeySource[] | undefined;
    readonly encrypted?: "refuse" | "skip" | undefined;
    readonly missing?: "refuse" | "report" | undefined;
    readonly damagedTail?: "refuse" | "cut" | undefined;
}
export declare class WalError extends LanekeeperError {
    readonly errorClass: WalErrorClass;
    readonly file: string;
    readonly offset?: number;
    readonly lsn?: bigint;
    readonly type?: number;
    constructor(errorClass: WalErrorClass, detail: string, facts: WalErrorFacts);
}
export type WalErrorClass = (typeof walErrorClasses)[number];
export interface WalErrorFacts {
    readonly file: string;
    readonly offset?: number;
    readonly lsn?: bigint;
    readonly type?: number;
}
export declare class WalLog {
    #private;
    private constructor();
    static open(path: PathInput, choices?: WalChoices): Promise<WalLog>;
    get path(): string;
    get segments(): readonly SegmentFile[];
    get summary(): WalSummary | undefined;
    records(): AsyncGenerator<WalRecord, void, void>;
}
export interface WalRecord {
    readonly lsn: bigint;
    readonly type: number;
    readonly tenantId: number;
    readonly vshard: number;
    readonly payload: Uint8Array;
}
export interface WalSummary {
    readonly segments: number;
    readonly bytes: number;
    readonly records: number;
    readonly given: number;
    readonly largestPayload: {
        readonly bytes: number;
        readonly lsn: bigint;
    } | undefined;
    readonly firstLsn: bigint | undefined;
    readonly lastLsn: bigint | undefined;
    readonly nextLsn: bigint;
    readonly opened: number;
    readonly encrypted: number;
    readonly unknownOptional: number;
    readonly healed: number;
    readonly paddingBytes: number;
    readonly gapCount: number;
    readonly gaps: readonly LsnGap[];
    readonly tail: TornTail | undefined;
    readonly passedOver: readonly string[];
}
export declare function walTypeName(type: number): string | undefined;
export declare const walTypes: {
    readonly Noop: 0;
    readonly Put: number;
    readonly Delete: number;
    readonly VectorPut: number;
    readonly VectorDelete: number;
    readonly VectorParams: number;
    readonly CrdtDelta: number;
    readonly TimeseriesBatch: 30;
    readonly LogBatch: 31;
    readonly ArrayPut: number;
    readonly ArrayDelete: number;
    readonly ArrayFlush: number;
    readonly Transaction: number;
    readonly SurrogateAlloc: number;
    readonly SurrogateBind: number;
    readonly Checkpoint: number;
    readonly CollectionTombstoned: number;
    readonly LsnMsAnchor: 102;
    readonly TemporalPurge: number;
};
