export type ChangeKind = "write" | "create" | "makeDirectory" | "rename" | "remove" | "syncDirectory";
export interface CrashTestOptions extends OpenChoices {
    readonly seed?: number;
    readonly cuts?: number;
    readonly stepsMax?: number;
    readonly restMs?: number;
    readonly run: (keeper: Lanekeeper, life: Life) => Promise<void>;
    readonly check: (keeper: Lanekeeper, life: number) => Promise<void> | void;
}
export interface CrashTestReport {
    readonly powerCuts: number;
    readonly kills: number;
    readonly whileOpening: number;
    readonly steps: number;
}
export interface DirectoryEntry {
    readonly name: string;
    readonly kind: EntryKind;
}
export interface Disk {
    openToRead(path: string): Promise<DiskFile | undefined>;
    openToWrite(path: string, way?: WriteWay): Promise<DiskFile | undefined>;
    create(path: string): Promise<DiskFile>;
    kind(path: string): Promise<EntryKind | undefined>;
    identity(path: string, way?: WriteWay): Promise<FileIdentity | undefined>;
    list(path: string): Promise<readonly DirectoryEntry[] | undefined>;
    makeDirectory(path: string): Promise<void>;
    remove(path: string): Promise<void>;
    syncDirectory(path: string): Promise<void>;
}
export interface DiskFile {
    readonly path: string;
    read(position: number, length: number, into?: Uint8Array, way?: WriteWay): Promise<Uint8Array>;
    writeDurable(position: number, buffers: readonly Uint8Array[], way?: WriteWay): Promise<void>;
    size(): Promise<number>;
    facts(way?: WriteWay): Promise<FileFacts>;
    identity(): Promise<FileIdentity>;
    origin(): Promise<FileOrigin>;
    lock(): Promise<void>;
    close(way?: WriteWay): Promise<void>;
}
export type EntryKind = "file" | "directory" | "other";
export interface Fault {
    readonly operation: FaultyOperation;
    readonly path?: string;
    readonly nth?: number;
    readonly error?: "EIO" | "ENOSPC" | "EROFS" | "EMFILE" | "EACCES" | "EPERM" | "EINVAL";
    readonly mode?: "once" | "from-then-on";
    readonly effect?: FaultEffect;
}
export type FaultEffect = "nothing" | "visible-not-durable" | "torn";
export type FaultyOperation = ChangeKind | "openToRead" | "openToWrite" | "read" | "size" | "kind" | "identity" | "list" | "lock";
export interface FileFacts {
    readonly sizeBytes: number;
    readonly heldBytes: number;
    readonly names: number;
}
export type FileIdentity = string;
export interface FileOrigin {
    readonly inode: bigint;
    readonly bornNs: bigint;
}
export interface HeldChange {
    readonly step: number;
    readonly change: ChangeKind;
    readonly path: string;
}
export interface Life {
    readonly life: number;
    readonly signal: AbortSignal;
}
export declare class MemoryDisk implements Disk {
    #private;
    openToRead(path: string): Promise<DiskFile | undefined>;
    openToWrite(path: string): Promise<DiskFile | undefined>;
    create(path: string): Promise<DiskFile>;
    kind(path: string): Promise<EntryKind | undefined>;
    identity(path: string): Promise<FileIdentity | undefined>;
    list(path: string): Promise<readonly DirectoryEntry[] | undefined>;
    makeDirectory(path: string): Promise<void>;
    remove(path: string): Promise<void>;
    syncDirectory(path: string): Promise<void>;
}
export declare class SimulatedDisk implements Disk {
    #private;
    constructor(options?: SimulatedDiskOptions);
    openToRead(path: string): Promise<DiskFile | undefined>;
    openToWrite(path: string): Promise<DiskFile | undefined>;
    create(path: string): Promise<DiskFile>;
    kind(path: string): Promise<EntryKind | undefined>;
    identity(path: string): Promise<FileIdentity | undefined>;
    list(path: string): Promise<readonly DirectoryEntry[] | undefined>;
    makeDirectory(path: string): Promise<void>;
    remove(path: string): Promise<void>;
    syncDirectory(path: string): Promise<void>;
    get steps(): number;
    get stopped(): Promise<void>;
    get isStopped(): boolean;
    crashAt(step: number): void;
    crash(): void;
    hold(which?: (change: HeldChange) => boolean): void;
    release(): void;
    get held(): readonly HeldChange[];
    finish(step: number): boolean;
    fail(fault: Fault): void;
    heal(): void;
    get capacityBytes(): number;
    set capacityBytes(limit: number);
    get usedBytes(): number;
    kill(options?: SimulatedDiskOptions): SimulatedDisk;
    snapshot(): SimulatedDisk;
    powerCuts(seed: number, max: number): Iterable<SimulatedDisk>;
    readNow(path: string): Uint8Array;
    damage(path: string, offset: number, bytes: Uint8Array): void;
    shorten(path: string, size: number): void;
    dig(path: string): void;
    files(): readonly SimulatedEntry[];
}
export interface SimulatedDiskOptions {
    readonly capacityBytes?: number;
    readonly keepsZeros?: boolean;
    readonly onStep?: (step: Step) => void;
}
export interface SimulatedEntry {
    readonly path: string;
    readonly size: number;
    readonly pending: boolean;
}
export interface SoloValidator {
    readonly keys: KeyPair;
    readonly lane: LaneId;
    readonly epochOf: EpochOf;
    readonly blockAfter: (before: Uint8Array | undefined, ...txs: Uint8Array[]) => Uint8Array;
}
export interface Step {
    readonly step: number;
    readonly change: ChangeKind;
    readonly phase: "started" | "finished" | "whole";
    readonly path: string;
}
export type WriteWay = "pool" | "blocking";
export declare function buildAppQC(app: AppProposal, keys: readonly KeyPair[]): AppQC;
export declare function buildCommitQC(proposal: Proposal, keys: readonly KeyPair[]): CommitQC;
export declare function buildLaneQC(header: BlockHeader, keys: readonly KeyPair[]): LaneQC;
export declare function buildPrepareQC(proposal: Proposal, keys: readonly KeyPair[]): PrepareQC;
export declare function crashTest(options: CrashTestOptions): Promise<CrashTestReport>;
export declare function initOn(disk: Disk, directory: string, choices: InitChoices, seed?: number): Promise<void>;
export declare function openOn(disk: Disk, directory: string, choices: OpenChoices, seed?: number): Promise<Lanekeeper>;
export declare function soloValidator(seed?: Uint8Array): SoloValidator;
