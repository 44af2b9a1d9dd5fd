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
export declare function backupStore(directory: PathInput, to: PathInput, options?: BackupOptions): Promise<BackupDone>;
