export type Decoded<Shape extends readonly PartShape[]> = {
    -readonly [Index in keyof Shape]: Shape[Index] extends keyof DecodedParts ? DecodedParts[Shape[Index]] : Shape[Index] extends readonly PartShape[] ? Decoded<Shape[Index]> : never;
};
export interface DecodedParts {
    string: string;
    bytes: Uint8Array;
    int: bigint;
    enumeration: bigint;
    uint16: number;
    uint32: number;
    uint64: bigint;
    byte: number;
    boolean: boolean;
}
export declare class Job {
    #private;
    readonly id: string;
    get running(): boolean;
    put(category: string, key: Key | Uint8Array, value: Uint8Array, options?: WriteOptions): Promise<void>;
    delete(category: string, key: Key | Uint8Array, options?: WriteOptions): Promise<void>;
    deletePrefix(category: string, prefix: Key | Uint8Array, options?: WriteOptions): Promise<void>;
    batch(operations: readonly JobOperation[], options?: WriteOptions): Promise<void>;
    deleteAcked(category: string, key: Key | Uint8Array, options?: WaitOptions): Promise<boolean>;
    persist(operations: JobOperation | readonly JobOperation[], options?: WriteOptions): Promise<void>;
    persistPut(category: string, key: Key | Uint8Array, value: Uint8Array, options?: WriteOptions): Promise<void>;
    persistDelete(category: string, key: Key | Uint8Array, options?: WriteOptions): Promise<void>;
    persistDeletePrefix(category: string, prefix: Key | Uint8Array, options?: WriteOptions): Promise<void>;
    persistEncoded(category: string, key: Key | Uint8Array, value: Part, options?: WriteOptions): Promise<void>;
    get(category: string, key: Key | Uint8Array): Promise<Uint8Array | undefined>;
    exists(category: string, key: Key | Uint8Array): Promise<boolean>;
    count(category: string, range?: KeyRange, options?: WaitOptions): Promise<number>;
    scan(category: string, range?: KeyRange, options?: ScanOptions): Scan;
    scanPrefix(category: string, prefix: Key | Uint8Array, options?: ScanOptions): Scan;
    categories(): Promise<readonly string[]>;
    flush(): Promise<void>;
}
export interface JobChoices {
    readonly schemaVersion?: number;
    readonly migrate?: (job: Job, from: number) => Promise<void>;
}
export type JobKeyUse = Journal["keys"][number] & {
    readonly jobs: readonly string[];
};
export type JobOperation = {
    readonly kind: "put";
    readonly category: string;
    readonly key: Key | Uint8Array;
    readonly value: Uint8Array;
} | {
    readonly kind: "delete";
    readonly category: string;
    readonly key: Key | Uint8Array;
} | {
    readonly kind: "deletePrefix";
    readonly category: string;
    readonly prefix: Key | Uint8Array;
};
export interface JobStatus {
    readonly id: string;
    readonly state: "open" | "failed" | "closed";
    readonly schemaVersion: number;
    readonly writes: number;
    readonly queuedBytes: number;
    readonly journalBytes: number;
    readonly bytes: number;
    readonly keys: readonly string[];
}
export declare class JobStore extends JobsById {
    #private;
    private constructor();
    static open(root: string, choices?: JobStoreChoices): Promise<JobStore>;
    static openMemory(choices?: JobStoreChoices): Promise<JobStore>;
    openJob(id: string, choices?: JobChoices): Promise<Job>;
    closeJob(id: string): Promise<void>;
    dropJob(id: string): Promise<void>;
    jobs(): readonly string[];
    status(): Promise<JobStoreStatus>;
    verify(id: string, options?: WaitOptions): Promise<JobVerification>;
    rotateKey(key: KeySource): Promise<void>;
    waitForRotation(options?: WaitOptions): Promise<void>;
    get keys(): readonly JobKeyUse[];
    get closed(): boolean;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
    protected openJobOf(id: string): Job | undefined;
    protected checkUse(id: string): void;
}
export interface JobStoreChoices extends OpeningChoices {
    readonly valueBytesMax?: number;
    readonly keyBytesMax?: number;
    readonly queueBytes?: number;
    readonly checkpointBytes?: number;
    readonly stallMs?: number;
    readonly segmentBytes?: number;
    readonly flush?: Flush;
    readonly moved?: boolean;
    readonly keys?: KeyChoices | undefined;
    readonly onError?: (error: PersisterError, job: string) => void;
}
export interface JobStoreStatus {
    readonly root: string;
    readonly durable: boolean;
    readonly jobs: readonly JobStatus[];
    readonly droppedWrites: number;
    readonly journalBytes: number;
    readonly keys: readonly JobKeyUse[];
    readonly flush: FlushStatus | undefined;
    readonly poison: PersisterError | undefined;
    readonly checkpointFailure: PersisterError | undefined;
    readonly callbackFailure: PersisterError | undefined;
}
export interface JobVerification {
    readonly id: string;
    readonly categories: number;
    readonly rows: number;
    readonly bytes: number;
    readonly journalWrites: number;
}
export declare abstract class JobsById {
    #private;
    protected constructor(onError: JobStoreChoices["onError"]);
    protected abstract openJobOf(id: string): Job | undefined;
    protected abstract checkUse(id: string): void;
    protected get droppedWrites(): number;
    protected get callbackFailure(): PersisterError | undefined;
    protected tell(error: PersisterError, id: string): void;
    job(id: string): Job;
    hasJob(id: string): boolean;
    put(id: string, ...args: Parameters<Job["put"]>): Promise<void>;
    delete(id: string, ...args: Parameters<Job["delete"]>): Promise<void>;
    deletePrefix(id: string, ...args: Parameters<Job["deletePrefix"]>): Promise<void>;
    batch(id: string, ...args: Parameters<Job["batch"]>): Promise<void>;
    persist(id: string, ...args: Parameters<Job["persist"]>): Promise<void>;
    persistPut(id: string, ...args: Parameters<Job["persistPut"]>): Promise<void>;
    persistDelete(id: string, ...args: Parameters<Job["persistDelete"]>): Promise<void>;
    persistDeletePrefix(id: string, ...args: Parameters<Job["persistDeletePrefix"]>): Promise<void>;
    persistEncoded(id: string, ...args: Parameters<Job["persistEncoded"]>): Promise<void>;
    deleteAcked(id: string, ...args: Parameters<Job["deleteAcked"]>): Promise<boolean>;
    get(id: string, ...args: Parameters<Job["get"]>): Promise<Uint8Array | undefined>;
    exists(id: string, ...args: Parameters<Job["exists"]>): Promise<boolean>;
    count(id: string, ...args: Parameters<Job["count"]>): Promise<number>;
    scan(id: string, ...args: Parameters<Job["scan"]>): Scan;
    scanPrefix(id: string, ...args: Parameters<Job["scanPrefix"]>): Scan;
    flush(id: string): Promise<void>;
}
export declare class Key {
    readonly bytes: Uint8Array;
    toString(): string;
}
export interface KeyChoices {
    readonly write: KeySource | "plain";
    readonly read?: readonly KeySource[] | undefined;
}
export interface KeyRange {
    readonly start?: Key | Uint8Array | undefined;
    readonly stop?: Key | Uint8Array | undefined;
}
export type KeySource = {
    readonly file: string;
} | {
    readonly env: string;
} | Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
export interface OpenProgress {
    readonly step: RecoveryStep["name"];
    readonly doneBytes: number;
    readonly totalBytes: number;
}
export interface OpeningChoices {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((progress: OpenProgress) => void) | undefined;
}
export type Part = string | boolean | Uint8Array | SizedNumber | Key | readonly Part[];
export type PartShape = keyof DecodedParts | readonly PartShape[];
export interface Row {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
}
export interface Scan extends AsyncIterable<Row> {
    all(): Promise<readonly Row[]>;
}
export interface ScanOptions {
    readonly reverse?: boolean | undefined;
    readonly limit?: number | undefined;
    readonly signal?: AbortSignal | undefined;
}
export interface SizedNumber {
    readonly [width]: 1 | 8;
    readonly stored: bigint;
}
export interface WriteOptions {
    readonly durable?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
}
export declare function byte(value: number | bigint): SizedNumber;
export declare function decodeParts<const Shape extends readonly PartShape[]>(bytes: Uint8Array, shape: Shape): Decoded<Shape>;
export declare function enumeration(ordinal: number | bigint): SizedNumber;
export declare function int(value: number | bigint): SizedNumber;
export declare function key(...parts: readonly Part[]): Key;
export declare function payload(...parts: readonly Part[]): Uint8Array;
export declare function prefixRange(prefix: Key | Uint8Array): KeyRange;
export declare function rawKey(bytes: Uint8Array): Key;
export declare function uint16(value: number | bigint): SizedNumber;
export declare function uint32(value: number | bigint): SizedNumber;
export declare function uint64(value: number | bigint): SizedNumber;
