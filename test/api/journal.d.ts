export interface AppendedBatch {
    readonly first: bigint;
    readonly next: bigint;
}
export type Flush = "auto" | "async";
export interface FlushStatus {
    readonly way: WriteWay;
    readonly blockingGroups: number;
    readonly longestHoldMs: number;
}
export declare class Journal {
    #private;
    readonly recovery: JournalRecovery;
    readonly durable: boolean;
    private constructor();
    static init(directory: PathInput, choices?: JournalInitChoices): Promise<void>;
    static open(directory: PathInput, choices: JournalChoices): Promise<Journal>;
    static openMemory(choices: JournalChoices): Promise<Journal>;
    get firstLsn(): bigint;
    get nextLsn(): bigint;
    get durableLsn(): bigint;
    get checkpointLsn(): bigint | undefined;
    get flush(): FlushStatus;
    get sizes(): JournalSizes;
    get payloadBytesMax(): number;
    get poison(): PersisterError | undefined;
    append(record: NewJournalRecord, options?: WaitOptions): Promise<bigint>;
    appendBatch(records: readonly NewJournalRecord[], options?: WaitOptions): Promise<AppendedBatch>;
    checkpoint(lsn: bigint): Promise<bigint>;
    sync(options?: WaitOptions): Promise<void>;
    truncateBefore(lsn: bigint): Promise<Truncation>;
    forgetBefore(lsn: bigint): Promise<Truncation>;
    read(lsn: bigint): Promise<JournalRecord>;
    replay(options?: RecordRange & WaitOptions): AsyncGenerator<JournalRecord>;
    page(options: RecordRange & WaitOptions & {
        readonly limit: number;
    }): Promise<JournalPage>;
    headers(options?: RecordRange): Generator<RecordHeader>;
    rotateKey(key: KeySource): Promise<void>;
    waitForRotation(options?: WaitOptions): Promise<void>;
    get keys(): readonly KeyUse[];
    get closed(): boolean;
    segments(): Promise<readonly JournalSegment[]>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
export interface JournalChoices extends JournalInitChoices, OpeningChoices {
    readonly types: readonly number[];
    readonly queueBytes?: number;
    readonly flush?: Flush;
    readonly moved?: boolean;
    readonly keys?: KeyChoices | undefined;
}
export interface JournalInitChoices {
    readonly segmentBytes?: number;
}
export interface JournalPage {
    readonly records: readonly JournalRecord[];
    readonly next: bigint;
    readonly hasMore: boolean;
}
export interface JournalRecord extends Omit<RecordHeader, "byteLength"> {
    readonly payload: Uint8Array;
}
export interface JournalRecovery {
    readonly records: number;
    readonly generation: bigint;
    readonly warnings: readonly string[];
    readonly foreign: readonly string[];
    readonly durationMs: number;
}
export interface JournalSegment {
    readonly file: string;
    readonly firstLsn: bigint;
    readonly nextLsn: bigint;
    readonly records: number;
    readonly usedBytes: number;
}
export interface JournalSizes {
    readonly records: bigint;
    readonly segments: number;
    readonly freeSegments: number;
    readonly bytes: number;
}
export interface KeyChoices {
    readonly write: KeySource | "plain";
    readonly read?: readonly KeySource[] | undefined;
}
export type KeySource = {
    readonly file: string;
} | {
    readonly env: string;
} | Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
export interface KeyUse {
    readonly content: string;
    readonly state: "writing" | "older" | "missing";
    readonly segments: number;
    readonly freeSlots: number;
    readonly bytes: number;
}
export interface NewJournalRecord {
    readonly type: number;
    readonly tenant?: number | undefined;
    readonly shard?: number | undefined;
    readonly payload: Uint8Array;
    readonly origin?: bigint | undefined;
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
export type PathInput = string | URL | Uint8Array;
export declare const REQUIRED_TYPE = 32768;
export interface RecordHeader {
    readonly lsn: bigint;
    readonly type: number;
    readonly tenant: number;
    readonly shard: number;
    readonly byteLength: number;
    readonly origin?: bigint;
}
export interface RecordRange {
    readonly from?: bigint | undefined;
    readonly select?: ((header: RecordHeader) => boolean) | undefined;
}
export interface Truncation {
    readonly records: bigint;
    readonly segments: number;
    readonly bytes: number;
}
export interface WaitOptions {
    readonly signal?: AbortSignal | undefined;
}
export interface WalManagerImport {
    readonly imported: number;
    readonly skipped: number;
    readonly lastOrigin: bigint | undefined;
}
export interface WalManagerImportOptions {
    readonly signal?: AbortSignal | undefined;
    readonly summary?: WalSummary | undefined;
}
export declare function importWalManager(source: AsyncIterable<WalRecord>, journal: Journal, options?: WalManagerImportOptions): Promise<WalManagerImport>;
