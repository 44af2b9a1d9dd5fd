export declare class Archive implements AsyncDisposable {
    #private;
    private constructor();
    static open(address: string, choices: ArchiveChoices): Promise<Archive>;
    get url(): string;
    logs(options?: WaitOptions): AsyncGenerator<ArchivedLog>;
    links(log: ArchivedLog, options?: WaitOptions): AsyncGenerator<ReadLink>;
    readBlock(lane: LaneId, number: bigint, options?: WaitOptions): Promise<Uint8Array | undefined>;
    readCommitQC(index: bigint, options?: WaitOptions): Promise<Uint8Array | undefined>;
    blocks(lane: LaneId, range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    commitQCs(range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    verify(log: ArchivedLog, options: WaitOptions & {
        readonly epochOf: EpochOf;
        readonly onObject?: ((link: ReadLink) => void) | undefined;
    }): Promise<VerifiedLog>;
    copyTo(address: string, log: ArchivedLog, options?: BucketChoices & WaitOptions & {
        readonly onObject?: ((link: ReadLink) => void) | undefined;
    }): Promise<CopiedLog>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
export interface ArchiveChoices extends BucketChoices {
    readonly chainId: string;
    readonly keys?: readonly KeySource[] | undefined;
}
export interface ArchiveCounts {
    readonly objects: number;
    readonly bytes: number;
    readonly found: number;
    readonly failures: number;
    readonly missed: bigint;
}
export interface ArchiveStatus {
    readonly bucket: string;
    readonly gate: "strict" | "best effort";
    readonly through: {
        readonly lanes: ReadonlyMap<LaneId, bigint>;
        readonly road: bigint;
    };
    readonly pendingRecords: bigint;
    readonly oldestPendingMs: number;
    readonly heldSegments: number;
    readonly heldBytes: number;
    readonly heldBytesMax: number;
    readonly isBehind: boolean;
    readonly counts: ArchiveCounts;
    readonly failing: PersisterError | undefined;
    readonly refused: ReadonlyMap<LaneId | "road", PersisterError>;
}
export interface ArchiveToChoices {
    readonly to: string | Bucket;
    readonly gate?: "strict" | "best effort" | undefined;
    readonly heldBytes?: number | undefined;
    readonly compress?: boolean | undefined;
    readonly encrypt?: boolean | undefined;
    readonly objectBytes?: number | undefined;
    readonly ageMs?: number | undefined;
    readonly credentials?: CredentialSource | undefined;
    readonly ca?: string | undefined;
}
export type ArchivedLog = "road" | LaneId;
export interface ArchivedRange {
    readonly first: bigint;
    readonly next: bigint;
}
export interface Bucket {
    readonly url: string;
    get(name: string, options?: GetOptions): Promise<StoredObject | undefined>;
    compare(name: string, bytes: Uint8Array, options?: PutOptions): Promise<Comparison>;
    putIfAbsent(name: string, bytes: Uint8Array, options?: PutOptions): Promise<PutResult>;
    putIfMatch(name: string, bytes: Uint8Array, tag: Tag, options?: PutOptions): Promise<PutResult>;
    list(prefix: string, options?: ListOptions): AsyncGenerator<ListedObject>;
    close(): Promise<void>;
}
export interface BucketChoices {
    readonly credentials?: CredentialSource | undefined;
    readonly ca?: string | undefined;
    readonly environment?: Environment | undefined;
    readonly pacing?: Pacing | undefined;
    readonly idleMs?: number | undefined;
}
export type Comparison = "same" | "other" | "absent";
export interface CopiedLog {
    readonly links: number;
    readonly bytes: number;
}
export type CredentialSource = "environment" | {
    readonly file: string;
    readonly profile?: string | undefined;
} | (() => Credentials | Promise<Credentials>);
export interface Credentials {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
    readonly expiresAt?: Date | undefined;
}
export type Environment = Readonly<Record<string, string | undefined>>;
export interface Epoch {
    readonly index: bigint;
    readonly firstRoad: bigint;
    readonly nextRoad: bigint;
    readonly committee: Committee;
}
export type EpochOf = (epochIndex: bigint) => Epoch | undefined;
export interface GetOptions extends WaitOptions {
    readonly room?: ((bytes: number) => Uint8Array) | undefined;
}
export type KeySource = {
    readonly file: string;
} | {
    readonly env: string;
} | Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
export type LaneId = string & {
    readonly [laneBrand]: "LaneId";
};
export interface Link {
    readonly chain: string;
    readonly log: string;
    readonly ordinal: number;
    readonly before: string | null;
    readonly first: bigint;
    readonly next: bigint;
    readonly bytes: number;
    readonly sha256: string;
    readonly last: string;
}
export interface ListOptions extends WaitOptions {
    readonly after?: string | undefined;
}
export interface ListedObject {
    readonly name: string;
    readonly bytes: number;
}
export type Needs = "create" | "create and replace";
export interface Pacing {
    readonly random: () => number;
    readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}
export type Probed = Pick<Bucket, "url" | "get" | "putIfAbsent" | "putIfMatch">;
export interface PutOptions extends WaitOptions {
    readonly sha256?: Uint8Array | undefined;
}
export type PutResult = {
    readonly stored: true;
    readonly tag: Tag;
} | {
    readonly stored: false;
    readonly held: StoredObject | undefined;
};
export interface ReadLink extends Link {
    readonly hash: string;
}
export interface RetainedRange {
    readonly from?: bigint | undefined;
    readonly next?: bigint | undefined;
    readonly signal?: AbortSignal | undefined;
}
export interface RetainedRecord {
    readonly number: bigint;
    readonly bytes: Uint8Array;
}
export interface StoredObject {
    readonly bytes: Uint8Array;
    readonly tag: Tag;
}
export type Tag = string;
export interface VerifiedLog {
    readonly log: ArchivedLog;
    readonly first: bigint;
    readonly next: bigint;
    readonly objects: number;
    readonly records: bigint;
    readonly bytes: number;
    readonly holes: readonly ArchivedRange[];
    readonly unlinked: readonly string[];
    readonly finalisedNext: bigint | undefined;
}
export interface WaitOptions {
    readonly signal?: AbortSignal | undefined;
}
export declare function openBucket(address: string, choices?: BucketChoices): Promise<Bucket>;
export declare function probe(bucket: Probed, needs: Needs, options?: WaitOptions): Promise<void>;
